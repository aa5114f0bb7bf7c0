"""Why a booking is not moving: one line for every state and reason, that names who moves it on and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.appointment import Appointment
from db.lifecycle import HoldReason, Status
from worker.cli.why import why

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)
ROW = Appointment.of(
    {
        **dict.fromkeys(Appointment.__dataclass_fields__),
        "id": 1,
        "uuid": UUID(int=1),
        "status": "pending",
        "enqueued_at": NOW - timedelta(seconds=3),
        "leases_lost": 3,
        "probe_failures": 0,
        "outcome_unknown": False,
        "cancel_requested": False,
    }
)


def row(status: Status, **changes: Any) -> Appointment:
    """Make a row in a state."""
    return replace(ROW, status=status, **changes)


def soon(seconds: float) -> datetime:
    """Name a moment so many seconds from now."""
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.HELD])
def test_every_state_has_its_line(status: Status) -> None:
    """No state leaves the person at the phone without words."""
    assert why(row(status), NOW).endswith((".", "?)"))


@pytest.mark.parametrize("reason", list(HoldReason))
def test_every_hold_says_who_moves_it_on(reason: HoldReason) -> None:
    """A time, a cause that must go, or the operator's command."""
    line = why(row(Status.HELD, hold_reason=reason, hold_until=soon(12)), NOW)
    timed = reason in {HoldReason.THROTTLED, HoldReason.UNREACHABLE, HoldReason.SETTLING}
    assert ("in 12 s" in line) if timed else ("goes on" in line or "booking retry" in line or "in the order" in line)


def test_an_unknown_outcome_says_that_it_is_looked_up_first() -> None:
    """Nobody has to fear a second booking."""
    line = why(row(Status.RETRYING, outcome_unknown=True, next_attempt_at=soon(2)), NOW)
    assert "a worker looks in 2 s, before anything is posted again" in line


def test_a_message_that_was_not_sent_says_so() -> None:
    """The broker is the first to look at."""
    assert "could not be sent" in why(row(Status.PENDING, enqueued_at=None), NOW)


@pytest.mark.parametrize(
    "late",
    [
        row(Status.RETRYING, next_attempt_at=soon(-60)),
        row(Status.BOOKING, lease_expires_at=soon(-60)),
        row(Status.HELD, hold_reason=HoldReason.THROTTLED, hold_until=soon(-60)),
    ],
    ids=["retrying", "booking", "held"],
)
def test_a_moment_that_passed_asks_whether_beat_runs(late: Appointment) -> None:
    """A row that nobody takes up has one usual cause."""
    assert "1 min overdue: do a worker and beat run?" in why(late, NOW)
    assert "overdue" not in why(
        replace(late, next_attempt_at=soon(1), lease_expires_at=soon(1), hold_until=soon(1)), NOW
    )


def test_a_cancellation_that_was_asked_for_is_said() -> None:
    """The operator sees that the order stands."""
    assert "cancellation is asked for" in why(row(Status.BOOKING, lease_expires_at=soon(5), cancel_requested=True), NOW)
