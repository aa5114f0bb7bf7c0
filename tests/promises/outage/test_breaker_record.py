"""What the breaker did is written down once, and one booking that Cal.com chokes on keeps nobody else waiting."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import outcome
from tests.support.fleet import Fleet, eventually, finals, request, row
from worker import enqueue_booking, enqueue_bookings


def rows(query: str) -> list[Any]:
    """Read the database directly."""
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text(query)))


@pytest.mark.long
def test_a_kill_between_a_transition_and_its_row_leaves_one_row(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """The transition is in Redis; who writes it down was killed; two start again at once."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="1", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1")
    running.worker()
    writer = running.maintenance()
    running.beat()
    finals([enqueue_booking(request(0)).appointment_id])
    os.killpg(writer.pid, signal.SIGKILL)
    simulator.faults("status", name="unavailable", count=1)
    enqueue_booking(request(1))
    breaker = dependencies.current().breaker
    eventually(lambda: [one for one in breaker.view.transitions() if one.reason != "begun"], what="it opens")
    assert not rows("SELECT 1 FROM circuit_breaker_events WHERE reason <> 'begun'")
    running.maintenance()
    running.maintenance()

    def told() -> set[tuple[str | None, int]]:
        return {(row.endpoint, row.epoch) for row in rows("SELECT endpoint, epoch FROM circuit_breaker_events")}

    eventually(
        lambda: breaker.get_status().state == "closed" and len(told()) >= 4, what="begun, open, half-open, closed"
    )
    eventually(lambda: told() == {(one.endpoint, one.epoch) for one in breaker.view.transitions()})
    counted = rows("SELECT count(*) AS n FROM circuit_breaker_events GROUP BY service, endpoint, epoch")
    assert {row.n for row in counted} == {1}


@pytest.mark.long
def test_a_booking_that_fails_each_time_rests_and_the_line_moves_on(
    fleet: Callable[..., Fleet], simulator: Any
) -> None:
    """Cal.com answers 500 to this one each time: after three probes it rests, and the others go at once."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="1", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1")
    healthy = enqueue_booking(request(0))
    poison = enqueue_booking(request(1))
    [(reference,)] = rows(f"SELECT uuid FROM appointments WHERE id = {poison.appointment_id}")  # noqa: S608 - an int
    simulator.faults("status", name="internal", match={"method": "POST", "reference": str(reference)})
    running.start()
    finals([healthy.appointment_id])

    eventually(lambda: row(poison.appointment_id).probe_failures >= 3)
    others = enqueue_bookings([request(number) for number in range(2, 22)])
    ends = finals([receipt.appointment_id for receipt in others])  # type: ignore[union-attr]
    assert {end.status for end in ends.values()} == {Status.CONFIRMED}
    assert outcome(poison.appointment_id).status is not Status.CONFIRMED  # type: ignore[union-attr]


def test_a_booking_that_fails_each_time_keeps_no_line_shut(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """It is the first in line after an outage: the others are confirmed within a few open windows."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="5", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1").start()
    finals([enqueue_booking(request(0)).appointment_id])
    dependencies.current().breaker.operators.force_open("operator", "a test")
    poison = enqueue_booking(request(1))
    [(reference,)] = rows(f"SELECT uuid FROM appointments WHERE id = {poison.appointment_id}")  # noqa: S608 - an int
    others = enqueue_bookings([request(number) for number in range(2, 42)])
    simulator.faults("status", name="internal", match={"method": "POST", "reference": str(reference)})
    dependencies.current().breaker.operators.auto("operator", "a test")  # half-open: the first in line is the probe
    ends = finals([receipt.appointment_id for receipt in others])  # type: ignore[union-attr]
    assert {end.status for end in ends.values()} == {Status.CONFIRMED}
    assert outcome(poison.appointment_id).status is not Status.CONFIRMED  # type: ignore[union-attr]
    assert "raised unexpected" not in running.logs()
