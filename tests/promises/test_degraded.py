"""Graceful degradation: a hold that lasts too long is flagged once and still goes through; one too late expires."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import outcome
from tests.support.fleet import Fleet, eventually, finals, request, tick
from worker import enqueue_booking, enqueue_bookings


def look_after_holds() -> None:
    """Have the fleet's own sweeper run now, as beat does every 10 s."""
    tick("tasks.maintenance.sweeper.expire_held")


def rows(query: str) -> list[Any]:
    """Read the database directly."""
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text(query)))


FLAGS = "SELECT appointment_id, count(*) AS n FROM appointment_events WHERE kind = 'degraded' GROUP BY 1"


def test_a_long_hold_is_flagged_once_and_goes_through_when_cal_com_is_back(fleet: Callable[..., Fleet]) -> None:
    """The flag is for alerts and for what a caller is told; the booking stays in line."""
    fleet(HOLD_MAX_AGE="1").start()
    dependencies.current().breaker.operators.force_open("operator", "a test")
    held = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(5)])]
    eventually(lambda: (look_after_holds(), len(rows(FLAGS)) == 5)[1], what="all are flagged")
    for _ in range(3):
        look_after_holds()
    eventually(lambda: rows("SELECT 1 WHERE (SELECT count(*) FROM appointment_events WHERE kind = 'degraded') >= 5"))
    assert {outcome(one).status for one in held} == {Status.HELD}  # type: ignore[union-attr]
    dependencies.current().breaker.reset("operator", "a test")
    assert {end.status for end in finals(held).values()} == {Status.CONFIRMED}
    assert [row.n for row in rows(FLAGS)] == [1] * 5
    assert {row[0] for row in rows("SELECT resilience_strategy FROM appointments")} == {"graceful_degradation"}


def test_a_held_booking_whose_slot_is_too_near_expires_and_the_others_stay(
    fleet: Callable[..., Fleet], simulator: Any
) -> None:
    """HOLD_LEAD before its start there is nothing left to wait for; nobody is booked too late."""
    fleet(HOLD_LEAD="7200").start()
    dependencies.current().breaker.operators.force_open("operator", "a test")
    soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1, minutes=30)
    near = enqueue_booking(request(0, start=soon))
    far = enqueue_booking(request(1))
    assert {near.status, far.status} == {Status.HELD}
    look_after_holds()
    eventually(lambda: outcome(near.appointment_id).status is Status.EXPIRED)  # type: ignore[union-attr]
    dependencies.current().breaker.reset("operator", "a test")
    assert finals([far.appointment_id])[far.appointment_id].status is Status.CONFIRMED
    assert len(simulator.bookings()) == 1
