"""Read from an event type what a booking of it must have (`bookingFields` of API version 2024-06-14).

Read in Cal.com's source (booking-fields.output.ts): each field has `slug`, `type`, `required` and `isDefault`, and one
that is `hidden` is not asked for. A field of the type's own has a `label`, and one to choose from has `options`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tasks.calcom.booking import list_of, object_of
from tasks.calcom.failures import read_content
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import Reply

EMAIL, PHONE, NOTES = "email", "attendeePhoneNumber", "notes"
_IN_WORDS = frozenset({"text", "textarea", "number", "url", "address", "phone", "select", "radio"})
MOST = 10  # questions that are known, the required ones first: a person who is asked more hangs up
LONGEST = 120  # letters of a question that is spoken


class OwnQuestion(NamedTuple):
    """Hold a question of an event type's own: the slug that its answer is sent under, and what it is.

    Cal.com takes no booking without an answer to one that is `required`.
    """

    slug: str
    label: str
    options: tuple[str, ...] = ()
    required: bool = True


class WantedFields(NamedTuple):
    """Hold what a booking must have beside a name: an e-mail address, a number, answers."""

    email: bool
    phone: bool
    questions: tuple[OwnQuestion, ...] = ()


def read_wanted(answer: Answer | NoAnswer) -> WantedFields | None:
    """Return what bookings of a type must have, from GET /v2/event-types/{id}; None: Cal.com did not show it."""
    content = read_content(answer)
    shown = None if isinstance(content, Reply) else object_of(content.get("data")).get("bookingFields")
    if not isinstance(shown, list):
        return None
    asked = [one for one in map(object_of, shown) if one.get("hidden") is not True]
    wanted = [one.get("slug") for one in asked if one.get("isDefault") is True and one.get("required") is True]
    own = (_question(one) for one in asked if one.get("isDefault") is not True or one.get("slug") == NOTES)
    questions = sorted((one for one in own if one is not None), key=lambda one: not one.required)
    return WantedFields(EMAIL in wanted, PHONE in wanted, tuple(questions[:MOST]))


def _question(field: Mapping[str, Any]) -> OwnQuestion | None:
    slug, label = field.get("slug"), field.get("label") or field.get("slug")
    if field.get("type") not in _IN_WORDS or not isinstance(slug, str) or not isinstance(label, str):
        return None  # what no person answers in words is Cal.com's to refuse
    spoken = " ".join("".join(char if char.isprintable() else " " for char in label).split())
    options = tuple(one for one in list_of(field.get("options")) if isinstance(one, str))
    return OwnQuestion(slug, spoken[:LONGEST], options, field.get("required") is True)
