"""When something was at Cal.com, as a record of a run says it."""

from datetime import UTC, datetime
from typing import Any

from tests.chaos.traces import of_calcom

NOON = datetime(2026, 12, 7, 12, tzinfo=UTC).timestamp()


def call(t0: float, at: float, committed: float) -> dict[str, Any]:
    """Make a call that committed a booking."""
    rest = dict.fromkeys(("n", "method", "target", "reference", "status", "whole", "fault", "uid", "seat_uid"))
    written = datetime.fromtimestamp(at, UTC).isoformat()
    more = {"event_type_id": 101, "calcom": 0, "t0": t0, "t1": committed + 0.1, "committed_at": committed}
    return rest | more | {"at": written}


def line(made: float) -> dict[str, Any]:
    """Make a line of the books."""
    rest = dict.fromkeys(("reference", "uid", "seatUid", "recurringBookingUid", "movedFrom", "halfMade", "start"))
    return rest | {"history": [[made, "accepted"]], "made": "2026-12-07T12:30:00.000Z"}


def test_a_booking_was_made_when_its_call_says_so_though_the_clock_was_set_since() -> None:
    """Between the two calls the machine slept for 30 minutes, of which the monotonic clock knows nothing."""
    calls = [call(101.0, NOON + 1801, 101.5), call(100.0, NOON, 100.5)]

    told = list(of_calcom(calls, [line(100.5), line(101.5)]))

    assert [one["committed_at"] - NOON for what, one in told if what == "call"] == [0.5, 1801.5]
    assert [one["history"] for what, one in told if what == "booked"] == [
        [(NOON + 0.5, "accepted")],
        [(NOON + 1801.5, "accepted")],
    ]
