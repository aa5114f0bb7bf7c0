"""Promise 1: accepted is kept, whatever happens to the broker and the workers."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from db.lifecycle import Status
from tasks.enqueue import outcome
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.timeouts import expired_timeouts
from worker import enqueue_booking, enqueue_bookings

POST = {"method": "POST", "path": "/v2/bookings"}


def test_a_broker_that_is_down_costs_time_and_no_booking(
    fleet: Callable[..., Fleet], valkey: Any, simulator: Any
) -> None:
    """The call returns with a receipt, and the sweeper sends what was never sent."""
    running = fleet()
    valkey.kill()
    receipt = enqueue_booking(request(1))
    valkey.restart()
    running.start()
    [end] = finals([receipt.appointment_id]).values()
    assert end.status is Status.CONFIRMED
    assert len(simulator.bookings()) == 1


def test_a_broker_that_is_frozen_costs_a_caller_about_a_second(fleet: Callable[..., Fleet], valkey: Any) -> None:
    """A socket time-out of half a second, not redis-py's minute; and once, however many bookings are sent."""
    fleet()
    enqueue_booking(request(1))  # connected before it freezes
    valkey.pause()
    with expired_timeouts() as waited:
        receipts = enqueue_bookings([request(number) for number in range(2, 22)])
    valkey.resume()
    assert len(receipts) == 20
    assert 0.5 <= sum(waited) <= 1


def test_a_retry_whose_publish_fails_is_not_lost(fleet: Callable[..., Fleet], valkey: Any, simulator: Any) -> None:
    """The broker freezes while Cal.com answers: the row says `retrying`, and the sweeper sends it."""
    fleet(RETRY_DELAYS="0.2,0.2,0.2").start()
    finals([enqueue_booking(request(0)).appointment_id])
    simulator.faults("latency", delay=1.0, match=POST, count=1)
    simulator.faults("status", name="unavailable", match=POST, count=1)
    receipt = enqueue_booking(request(1))
    eventually(lambda: any(entry["t1"] is None for entry in simulator.journal()), what="the call is in flight")
    valkey.pause()
    eventually(lambda: _status(receipt.appointment_id) is Status.RETRYING)
    valkey.resume()
    [end] = finals([receipt.appointment_id]).values()
    assert end.status is Status.CONFIRMED


def test_messages_wiped_from_the_broker_are_sent_again(
    fleet: Callable[..., Fleet], redis_url: str, simulator: Any
) -> None:
    """FLUSHALL between enqueue and worker: every booking is made all the same, once."""
    running = fleet()
    receipts = enqueue_bookings([request(number) for number in range(50)])
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    running.start()
    ends = finals([receipt.appointment_id for receipt in receipts])
    assert {one.status for one in ends.values()} == {Status.CONFIRMED}
    assert len(simulator.bookings()) == 50


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_killed_in_mid_call_leaves_one_booking(fleet: Callable[..., Fleet], simulator: Any, pool: str) -> None:
    """Kill -9 while Cal.com books: the lease runs out, a look finds the booking, and the row knows of its one POST."""
    running = fleet(CALCOM_SETTLE_SECONDS="2").start(pool=pool, concurrency=2)
    simulator.faults("latency", delay=1.5, match=POST, after=True, count=1)
    receipt = enqueue_booking(request(1))
    eventually(simulator.bookings, what="Cal.com has booked")
    running.stop()
    running.start()
    [end] = finals([receipt.appointment_id]).values()
    assert (end.status, len(simulator.bookings())) == (Status.CONFIRMED, 1)
    assert row(receipt.appointment_id).posts == 1


def _status(appointment_id: int) -> Status | None:
    seen = outcome(appointment_id)
    return seen.status if seen else None
