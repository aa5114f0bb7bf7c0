"""Read Cal.com's answers about an event type, and about the user of our key ("Kind" and "Sight", docs/calcom.md).

Each event type in API version 2024-06-14 has `seats`, `recurrence`, `confirmationPolicy` and `price` (seen for each
kind). A type that lacks one of these is not read: it would look too simple. `requiresConfirmationForFreeEmail` is
in no answer of that version, so it is read from version 2024-04-15.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from db.event_kind import EventKind
from tasks.calcom.booking import integer, list_of, object_of
from tasks.calcom.failures import CONFIGURATION, UNREADABLE, read_content
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import OWN_TYPES_BODY
from tasks.calcom.reply import Reply


class Scheduling(StrEnum):
    """Whose time a booking of the type takes; the values are Cal.com's."""

    PERSONAL = "personal"  # its owner's
    COLLECTIVE = "collective"  # the time of all hosts
    ROUND_ROBIN = "roundRobin"  # the time of one host, and of all fixed hosts
    OTHER = "other"  # managed, or a kind newer than this code


@dataclass(frozen=True, slots=True)
class Me:
    """Hold the user of our key."""

    user_id: int
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypeFacts:
    """Hold what Cal.com shows about an event type.

    `owner_id` is set for personal types alone, `occurrences` for recurring types alone. `confirms`: the host must
    confirm all bookings, or those near their start. `length_minutes` is the length if the request names no length.
    `rescheduling_disabled` is None if an older Cal.com does not show it.
    """

    calcom_id: int
    scheduling: Scheduling
    owner_id: int | None
    length_minutes: int | None
    seats: bool
    occurrences: int | None
    confirms: bool
    price: bool
    rescheduling_disabled: bool | None = None

    @property
    def kind(self) -> EventKind:
        """Return the kind; the rule about free e-mail addresses is not part of it. OTHER: it was never tried."""
        traits = (self.scheduling, self.seats, self.occurrences is not None, self.confirms)
        return EventKind.OTHER if self.price else _KINDS.get(traits, EventKind.OTHER)

    @property
    def personal(self) -> bool:
        """Return whether the type belongs to one user, who organizes each of its bookings."""
        return self.scheduling is Scheduling.PERSONAL

    def has_sight(self, user_id: int, *, stranger: bool) -> bool:
        """Return whether the list shows this user every booking of the type.

        It does so for a personal type's owner, and for a user who was shown a booking of it in which he takes no part
        (`stranger`). For a team's type it does so for no user: a host may be locked, renamed, removed or exchanged, and
        no answer shows that.
        """
        return self.personal and (self.owner_id == user_id or stranger)


_KINDS = {  # scheduling, seats, recurring, confirmation
    (Scheduling.PERSONAL, False, False, False): EventKind.PLAIN,
    (Scheduling.COLLECTIVE, False, False, False): EventKind.COLLECTIVE,
    (Scheduling.ROUND_ROBIN, False, False, False): EventKind.ROUND_ROBIN,
    (Scheduling.PERSONAL, True, False, False): EventKind.SEATS,
    (Scheduling.ROUND_ROBIN, True, False, False): EventKind.ROUND_ROBIN_SEATS,
    (Scheduling.PERSONAL, False, False, True): EventKind.CONFIRMATION,
    (Scheduling.COLLECTIVE, False, False, True): EventKind.CONFIRMATION,
    (Scheduling.ROUND_ROBIN, False, True, False): EventKind.ROUND_ROBIN_SERIES,
}


def read_event_type(answer: Answer | NoAnswer) -> EventTypeFacts | Reply:
    """Return the type that GET /v2/event-types/{id} shows, or the reply that says why there is none.

    REFUSED with 404 is Cal.com's "not found", also for a type that this key may not read.
    """
    content = read_content(answer)
    return content if isinstance(content, Reply) else _facts(content.get("data")) or _UNCLEAR


def read_event_types(answer: Answer | NoAnswer, slug: str) -> EventTypeFacts | Reply | None:
    """Return a user's type `slug` from GET /v2/event-types; None: the user has no such type."""
    content = read_content(answer)
    if isinstance(content, Reply):
        return content
    data = content.get("data")
    if not isinstance(data, list):
        return replace(CONFIGURATION, http_status=200, message="not a list of event types: wrong URL or API version?")
    named = [entry for entry in data if isinstance(entry, dict) and entry.get("slug") == slug]
    if len(named) == 1:
        return _facts(named[0]) or _UNCLEAR
    return _UNCLEAR if data else None


def read_free_email(answer: Answer | NoAnswer, calcom_id: int) -> bool | Reply | None:
    """Return whether a type asks its host to confirm bookings of free e-mail addresses; None: that is not shown.

    It is not shown if the type or the boolean is missing, or if the answer is too large. The answer to GET
    /v2/event-types (version 2024-04-15) names people, so nothing else is read from it.
    """
    if isinstance(answer, Answer) and answer.truncated and len(answer.body) >= OWN_TYPES_BODY:
        return None
    content = read_content(answer)
    if isinstance(content, Reply):
        return content
    shown = {
        value if isinstance(value := entry.get("requiresConfirmationForFreeEmail"), bool) else None
        for group in list_of(object_of(content.get("data")).get("eventTypeGroups"))
        for entry in map(object_of, list_of(object_of(group).get("eventTypes")))
        if entry.get("id") == calcom_id
    }
    return shown.pop() if len(shown) == 1 else None


def read_me(answer: Answer | NoAnswer) -> Me | Reply:
    """Return the user of our key from the answer to GET /v2/me, or the reply that says why there is none."""
    content = read_content(answer)
    if isinstance(content, Reply):
        return content
    match content.get("data"):
        case {"id": int() as user_id, "email": str() as email} if not isinstance(user_id, bool):
            return Me(user_id, email)
    return replace(_UNCLEAR, message="the user of our key in a form that this version cannot read")


_UNCLEAR = replace(UNREADABLE, http_status=200, message="an event type in a form that this version cannot read")


def _facts(data: object) -> EventTypeFacts | None:
    """Return the event type in `data`; None: it does not have exactly the form that Cal.com uses."""
    if not isinstance(data, dict):
        return None
    try:
        scheduling = _scheduling(data)
        return EventTypeFacts(
            calcom_id=_number(data["id"]),
            scheduling=scheduling,
            owner_id=_number(data["ownerId"]) if scheduling is Scheduling.PERSONAL else None,
            length_minutes=None if data.get("lengthInMinutes") is None else _number(data["lengthInMinutes"]),
            seats=_is_on(data["seats"], "seatsPerTimeSlot"),
            occurrences=_occurrences(data["recurrence"]),
            confirms=_is_on(data["confirmationPolicy"], "type", _POLICIES),
            price=_has_price(data),
            rescheduling_disabled=_boolean(object_of(data.get("disableRescheduling")).get("disabled")),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _scheduling(data: dict[str, Any]) -> Scheduling:
    """Return whose time the type takes: a team's type has a `schedulingType`, a personal type does not have it."""
    scheduling = data.get("schedulingType")
    if scheduling is None:
        return Scheduling.PERSONAL if data.get("teamId") is None else Scheduling.OTHER
    return Scheduling(scheduling) if scheduling in _SCHEDULED else Scheduling.OTHER


_SCHEDULED = ("collective", "roundRobin")
_POLICIES = ("always", "time")


def _is_on(data: object, member: str, values: tuple[str, ...] = ()) -> bool:
    """Return whether an option is in use: it has its member, and is not `{"disabled": true}`."""
    if not isinstance(data, dict):
        raise TypeError
    if data.get("disabled") is True:
        return False
    if data[member] is None or (values and data[member] not in values):
        raise ValueError
    return True


def _occurrences(data: object) -> int | None:
    """Return how many bookings a series of the type has; None: the type does not recur."""
    if data is None or (isinstance(data, dict) and data.get("disabled") is True):
        return None
    if not isinstance(data, dict):
        raise TypeError
    return _number(data["occurrences"])


def _has_price(data: dict[str, Any]) -> bool:
    """Return whether the type has a price, its own or that of an enabled payment app."""
    apps = map(object_of, object_of(object_of(data.get("metadata")).get("apps")).values())
    return _number(data["price"]) != 0 or any(app.get("price") and app.get("enabled") is not False for app in apps)


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> int:
    number = integer(value)
    if number is None:
        raise TypeError
    return number
