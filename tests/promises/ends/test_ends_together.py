"""Promise 1: what has ended is written together, and each booking stands for itself: locked, killed, told to stop."""

import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from db.lifecycle import Status
from tests.support.fleet import HASTY, Fleet, eventually, finals, request, row
from worker import enqueue_bookings

POST = {"method": "POST", "path": "/v2/bookings"}
SLOW_ANSWERS = {"CALCOM_READ_TIMEOUT": "60", "CALCOM_DEADLINE": "60"}  # a call waits for the test


@pytest.fixture
def answered(fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]]) -> Callable[..., Any]:
    """Return what has Cal.com take a booking of a worker with one lane, and not answer before `simulator.no_faults`."""

    def begin(**settings: str) -> tuple[Fleet, Any, int]:
        running = fleet(**settings)
        worker = running.worker(concurrency=1)
        simulator.faults("stall", step="insert", delay=60, match=POST)
        [one] = enqueue_bookings([request(0)])
        eventually(posts, what="it has begun")
        return running, worker, one.appointment_id

    return begin


def test_a_booking_that_is_locked_holds_no_other_up(
    answered: Callable[..., Any], simulator: Any, database_url: str
) -> None:
    """Its end waits out of its lane: the only one; the next booking is made, and is confirmed, meanwhile."""
    _, _, first = answered(**SLOW_ANSWERS)
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT FROM appointments WHERE id = %s FOR UPDATE", (first,))
        simulator.no_faults()
        others = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(1, 4)])]
        ends = finals(others, within=30)
        assert row(first).status is Status.BOOKING
    assert {one.status for one in (*ends.values(), *finals([first]).values())} == {Status.CONFIRMED}
    assert len(simulator.bookings()) == 4


def test_a_worker_that_is_told_to_stop_writes_what_has_ended(
    answered: Callable[..., Any], simulator: Any, database_url: str
) -> None:
    """SIGTERM while an end is not yet written; nobody else is there who could find it out."""
    running, worker, first = answered(**SLOW_ANSWERS)
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT FROM appointments WHERE id = %s FOR UPDATE", (first,))
        simulator.no_faults()
        eventually(simulator.bookings, what="it is booked")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with psycopg.connect(database_url, autocommit=True) as seen:
            eventually(lambda: seen.execute(waiting).fetchone() == (1,), what="its end waits")
        worker.send_signal(signal.SIGTERM)
        eventually(lambda: "Warm shutdown" in running.logs(), what="it has been told")
    eventually(lambda: worker.poll() is not None, what="it is gone")
    assert (worker.poll(), row(first).status) == (0, Status.CONFIRMED)


def test_what_a_killed_worker_had_not_written_is_looked_up(
    answered: Callable[..., Any], simulator: Any, database_url: str
) -> None:
    """Its lease runs out, as that of a worker which dies between the answer and the row; it is not booked again."""
    running, worker, first = answered(**HASTY)
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT FROM appointments WHERE id = %s FOR UPDATE", (first,))
        simulator.no_faults()
        eventually(simulator.bookings, what="it is booked")
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    running.start()
    assert finals([first])[first].status is Status.CONFIRMED
    assert len(simulator.bookings()) == 1
