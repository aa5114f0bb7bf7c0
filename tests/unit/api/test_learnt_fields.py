"""What event types want, as a process remembers it: for how long it counts, and who waits for it."""

import json
from concurrent.futures import Future
from typing import Any

import pytest

from tasks.calcom.http.answer import Answer
from tasks.calcom.wanted_fields import OwnQuestion, WantedFields, read_wanted
from tasks.conversations.wanted import FRESH, IN_VAIN, LearntFields
from worker.api.voice.given_answers import answered, spoken_question, unanswered

SHOWN = WantedFields(
    email=True, phone=False, questions=(OwnQuestion("size", "How big is it?", ("small", "big"), False),)
)
COMPANY, DOG = OwnQuestion("company", "Company"), OwnQuestion("dog", "Name of the dog", required=False)


class Clock:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def told(answer: str | None = None, error: Exception | None = None) -> "Future[str | None]":
    """Return an answer that has come."""
    future: Future[str | None] = Future()
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
    return future


def test_a_type_is_read_again_after_five_minutes_and_its_old_fields_count_until_then() -> None:
    """Nobody waits for the new reading."""
    clock = Clock()
    learnt = LearntFields(clock)

    learnt.learn("type", told(json.dumps(SHOWN)))
    clock.now += FRESH - 1
    assert not learnt.is_due("type")
    clock.now += 1

    assert learnt.is_due("type")
    assert learnt.fields("type") == SHOWN


@pytest.mark.parametrize("is_told", [False, True], ids=["no answer in time", "not shown"])
def test_a_type_that_is_not_shown_is_asked_for_once_in_a_minute(*, is_told: bool) -> None:
    """An answer that comes after the wait is learnt all the same."""
    clock = Clock()
    learnt = LearntFields(clock)

    first = learnt.is_due("type")
    if is_told:
        learnt.learn("type", told())
    else:
        learnt.was_in_vain("type")
    clock.now += IN_VAIN - 1
    second = learnt.is_due("type")
    clock.now += 1

    assert (first, second, learnt.is_due("type")) == (True, False, True)
    learnt.learn("type", told(json.dumps(SHOWN)))
    assert (learnt.is_due("type"), learnt.fields("type")) == (False, SHOWN)


@pytest.mark.parametrize("answer", [told(), told(error=OSError("reset"))], ids=["none", "an error"])
def test_what_shows_nothing_is_not_learnt(answer: "Future[str | None]") -> None:
    """And what was shown before stays."""
    learnt = LearntFields()
    learnt.learn("type", told(json.dumps(SHOWN)))

    learnt.learn("type", answer)

    assert learnt.fields("type") == SHOWN


@pytest.mark.parametrize(
    "fields",
    [None, {}, "text", [None, 3, "text"], [{"slug": [], "isDefault": True, "required": True}]],
    ids=["none", "an object", "text", "no fields", "a slug that is a list"],
)
def test_a_type_that_is_shown_wrongly_wants_nothing(fields: Any) -> None:
    """Rubbish is no error, for the request is stored then."""
    shown = read_wanted(Answer(200, {}, json.dumps({"data": {"bookingFields": fields}}).encode(), 0.1))

    assert shown is None or shown == WantedFields(email=False, phone=False)


def test_an_answer_to_another_field_is_not_the_answer_to_the_open_question() -> None:
    """Neither notes, nor what an optional field asks for; a name that no field has is."""
    questions = (COMPANY, DOG)

    others = answered({"answers": {"notes": "a window", "Name of the dog?": "Rex"}}, None, questions)
    meant = answered({"answers": {"what is your firm": "Example Ltd"}}, None, questions)

    assert (others, unanswered(others, questions)) == ({"notes": "a window", "dog": "Rex"}, COMPANY)
    assert (meant, unanswered(meant, questions)) == ({"company": "Example Ltd"}, None)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ("", "Which one?"),
        ("abc", "Which one? (a, b, c)"),
        ("abcde", "Which one? (a, b, c, d, e)"),
        ("abcdefg", "Which one? (a, b, c, d, e, …)"),
    ],
)
def test_a_choice_is_asked_for_with_the_first_of_it(options: str, asked: str) -> None:
    """Else nobody knows what an answer may be, and is asked the same again."""
    assert spoken_question(OwnQuestion("one", "Which one?", tuple(options), required=True)) == asked
