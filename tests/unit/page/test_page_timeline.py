"""One booking's timeline: each attempt from its claim, with its calls and how long they took."""

from datetime import UTC, datetime, timedelta

from db.appointments.events import Event
from worker.page.booking import timeline

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Name a moment so many seconds from the start."""
    return NOW + timedelta(seconds=seconds)


def test_an_attempt_is_told_from_its_claim_to_its_end() -> None:
    """How long it waited, what it called and how long that took, and what came of it."""
    call = {"endpoint": "bookings.create", "ms": 29_950, "error": "timeout"}
    ended = {"why": "no answer", "waited_ms": 28, "attempt_ms": 30_000, "retry_in_ms": 1000, "calls": [call]}
    asked, claimed, retrying = timeline(
        [Event("asked", "caller", {}, at(0)), Event("retrying", "worker", ended, at(31))]
    )

    assert (asked["kind"], asked["calls"]) == ("asked", [])
    assert (claimed["kind"], claimed["at"]) == ("claimed", "2030-03-01T12:00:01.000Z")
    assert (claimed["calls"], claimed["detail"]) == ([call], {"waited_ms": 28})
    assert (retrying["why"], retrying["detail"]) == ("no answer", {"retry_in_ms": 1000})


def test_what_workers_of_before_wrote_is_told_as_it_is() -> None:
    """Their events have no times: no claim is made up."""
    told = timeline([Event("held", "worker", {"why": "the breaker is open"}, at(0))])

    assert [(one["kind"], one["why"], one["calls"], one["detail"]) for one in told] == [
        ("held", "the breaker is open", [], {})
    ]
