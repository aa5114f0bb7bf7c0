"""One booking's timeline: each attempt from its claim, with its calls and how long they took."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.appointments.events import Event
from resilience.error_types import ErrorType
from tasks.story.sentences import _CHANGES, _FAILURES
from tasks.work.decisions import FAULTS, OUTAGE
from worker.page.booking import timeline

LUA = Path(__file__).parents[3] / "resilience" / "lua"
MOVES_OF_THE_BREAKER = {
    reason for path in LUA.rglob("*.lua") for reason in re.findall(r"move\(.*, '(\w+)'\)", path.read_text("utf-8"))
}
NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Name a moment so many seconds from the start."""
    return NOW + timedelta(seconds=seconds)


def test_an_attempt_is_told_from_its_claim_to_its_end() -> None:
    """How long it waited, what it called and how long that took, and what came of it."""
    call = {"endpoint": "bookings.create", "ms": 29_950, "error": "timeout"}
    ended = {"why": "no answer", "waited_ms": 28, "attempt_ms": 30_000, "retry_in_ms": 1000, "calls": [call]}
    retrying, claimed, asked = timeline(
        [Event("asked", "caller", {}, at(0)), Event("retrying", "worker", ended, at(31))]
    )

    assert (asked["kind"], asked["title"], asked["calls"]) == ("asked", "asked for", [])
    assert (claimed["kind"], claimed["at"]) == ("claimed", "2030-03-01T12:00:01.000Z")
    assert (claimed["calls"], claimed["detail"]) == ([call], {"waited_ms": 28})
    assert (retrying["why"], retrying["detail"]) == ("no answer", {"retry_in_ms": 1000})


def test_what_workers_of_before_wrote_is_told_as_it_is() -> None:
    """Their events have no times: no claim is made up."""
    told = timeline([Event("held", "worker", {"why": "the breaker is open"}, at(0))])

    assert [(one["kind"], one["why"], one["calls"], one["detail"]) for one in told] == [
        ("held", "the breaker is open", [], {})
    ]


def limited(number: int, *, denied: str = "throttled") -> list[Event]:
    """Return one hold without a call, and its release, the way a worker and the release write them."""
    held = {"why": "our own rate limit is reached", "denied_for": denied, "waited_ms": 5, "attempt_ms": 2}
    released = {"why": "released", "held": denied, "since": "2030-03-01T12:00:00+00:00"}
    return [Event("held", "worker", held, at(10 * number)), Event("pending", "release", released, at(10 * number + 5))]


def test_a_run_of_holds_is_one_entry_that_opens() -> None:
    """The newest first, with how often and by what; what was called is never folded away."""
    call = {"endpoint": "bookings.create", "ms": 300, "status": 503}
    tried = Event("retrying", "worker", {"why": "nothing was booked; try again", "calls": [call]}, at(1))
    denials = ("throttled", "throttled", "breaker_open")
    holds = [event for number, denied in enumerate(denials, 1) for event in limited(number, denied=denied)]
    booked = Event("confirmed", "worker", {"why": None, "calls": [call]}, at(99))
    entries = timeline([Event("asked", "caller", {}, at(0)), tried, *holds, booked])

    assert len(entries) == 4
    newest, run, retrying, asked = entries
    assert (newest["kind"], newest["calls"]) == ("confirmed", [call])
    assert run["title"] == "held 3 times without a call: 2 by the limit, 1 by the breaker"
    assert (run["from"], run["at"]) == ("2030-03-01T12:00:09.998Z", "2030-03-01T12:00:35.000Z")
    assert [one["kind"] for one in run["entries"]] == ["pending", "held", "claimed"] * 3
    assert run["entries"][0]["why"] == "released, after it was held: breaker open"
    assert (retrying["calls"], asked["kind"]) == ([call], "asked")


def test_two_holds_are_no_run_and_an_operators_command_is_never_in_one() -> None:
    """What a person did is seen at once."""
    ordered = Event("pending", "operator", {"why": "a retry", "held": "throttled"}, at(25))
    events = [*limited(1), *limited(2)[:1], ordered, *limited(3), *limited(4)]

    assert "run" not in [one["kind"] for one in timeline(events)]


@pytest.mark.parametrize(
    ("change", "title", "why"),
    [
        (
            {"of": "calcom", "reason": "http_503", "failures": 5, "correlation_id": "c-1"},
            "breaker opened",
            "that of Cal.com: answered 503, 5 failures",
        ),
        ({"of": "bookings.list", "reason": "timeout"}, "breaker opened", "that of bookings.list: no answer in time"),
        (
            {"of": "calcom", "reason": "forced_open", "by": "ann", "because": "maintenance"},
            "breaker opened",
            "that of Cal.com: an operator holds all back (“maintenance”)",
        ),
    ],
)
def test_a_change_of_the_breaker_is_a_sentence(change: dict[str, Any], title: str, why: str) -> None:
    """The story of a customer's booking has no words of a machine."""
    [told] = timeline([Event("breaker_open", "breaker", change, at(0))])

    assert (told["title"], told["why"], told["by"]) == (title, why, change.get("by", ""))
    assert set(told["detail"]) <= {"correlation_id"}


def test_no_reason_of_a_breaker_is_shown_as_the_machine_writes_it() -> None:
    """Each that its state machine writes, and each failure that opens it, has words; one word may be both."""
    assert sorted(MOVES_OF_THE_BREAKER - set(_CHANGES)) == []
    ours = {ErrorType.LEASE_LOST, ErrorType.CONFIGURATION, ErrorType.NO_EVENT_TYPE}
    assert sorted((OUTAGE | FAULTS) - ours - set(_FAILURES)) == []
    [opened] = timeline([Event("breaker_open", "breaker", {"of": "calcom", "reason": "reset"}, at(0))])
    [closed] = timeline([Event("breaker_closed", "breaker", {"of": "calcom", "reason": "reset"}, at(0))])
    assert (opened["why"], closed["why"]) == (
        "that of Cal.com: the connection broke",
        "that of Cal.com: an operator reset it",
    )
