"""A suspect change is looked up each hour, as a suspect booking is: what Cal.com shows ends it without anybody."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, text, update

from db import appointments
from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import booking_changes
from tasks import dependencies
from tasks.changes.attempt import attempt_change
from tasks.changes.claim import claim_change
from tasks.changes.late_lookups import look_at_changes
from tasks.work.claim import claim
from tests.support.fleet import request, row
from tests.support.stepping import book
from worker import cancel_booking, enqueue_booking, reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
SETTLED = {"settle_at": text("now() - interval '60 s'"), "ends_at": text("now() - interval '30 s'")}
NOTHING_ELSE = {"late": 0}


@pytest.fixture
def booking(settings: Callable[..., dict[str, str]], simulator: Any) -> int:
    """Book one; no worker runs."""
    settings()
    asked = enqueue_booking(request(1)).appointment_id
    claimed = claim(dependencies.current(), asked)
    assert claimed is not None
    book(claimed)
    assert row(asked).status is Status.CONFIRMED
    assert len(simulator.bookings()) == 1
    return asked


def suspect(simulator: Any, booking: int, fault: str, start: datetime | None = WANTED) -> BookingChange:
    """Send a change whose answer is lost, and hold it as one that has killed its workers, long after its POST."""
    simulator.faults(fault, match={"method": "POST", "path": "/v2/bookings/*"}, count=1)
    asked = cancel_booking(booking) if start is None else reschedule_booking(booking, start)
    assert asked.change_id is not None
    claimed = claim_change(dependencies.current(), asked.change_id)
    assert claimed is not None
    result = attempt_change(claimed)
    assert result.move is not None
    claimed.write(result.move)
    held = {"status": ChangeStatus.HELD, "hold_reason": HoldReason.SUSPECT, "held_at": func.now()}
    with dependencies.current().engine.begin() as conn:
        here = booking_changes.c.id == asked.change_id
        conn.execute(update(booking_changes).where(here).values(**held, **SETTLED, next_attempt_at=None))
    assert change_of(booking).outcome_unknown
    return change_of(booking)


def change_of(booking: int) -> BookingChange:
    """Return the latest change of a booking."""
    with dependencies.current().engine.connect() as conn:
        return asking.of_booking(conn, booking)[-1]


def posts(simulator: Any) -> int:
    """Count what was posted."""
    return sum(one["method"] == "POST" for one in simulator.journal())


def test_a_suspect_move_that_was_done_is_done(booking: int, simulator: Any) -> None:
    """The row says where the booking is; nothing was posted again."""
    suspect(simulator, booking, "commit_then_reset")
    called = posts(simulator)

    assert look_at_changes() == {**NOTHING_ELSE, "suspects": 1}

    assert change_of(booking).status is ChangeStatus.DONE
    assert row(booking).booked_start_at == WANTED
    assert posts(simulator) == called


def test_a_suspect_cancel_that_was_done_is_done(booking: int, simulator: Any) -> None:
    """The booking is cancelled here, too."""
    suspect(simulator, booking, "commit_then_reset", None)

    assert look_at_changes() == {**NOTHING_ELSE, "suspects": 1}

    assert (change_of(booking).status, row(booking).status) == (ChangeStatus.DONE, Status.CANCELLED)


@pytest.mark.parametrize("start", [WANTED, None], ids=["a move", "a cancel"])
def test_a_suspect_change_that_was_not_done_is_never_posted(
    booking: int, simulator: Any, start: datetime | None
) -> None:
    """Its booking lives as before: a person decides, and in an hour it is looked at again, not sooner."""
    suspect(simulator, booking, "reset", start)
    called = len(simulator.journal())

    assert [look_at_changes() for _ in range(3)] == [{**NOTHING_ELSE, "suspects": 0}] * 3

    change = change_of(booking)
    assert (change.status, change.hold_reason) == (ChangeStatus.HELD, HoldReason.SUSPECT)
    with dependencies.current().engine.connect() as conn:
        assert change.hold_until is not None
        assert 3500 < (change.hold_until - appointments.now(conn)).total_seconds() <= 3600
    assert {one["method"] for one in simulator.journal()[called:]} == {"GET"}
