"""Promise 4: a hold costs no message, no memory of Redis or of a worker, and no time of the caller."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from db.lifecycle import Status
from tasks import dependencies
from tests.support.fleet import Fleet, eventually, request
from worker import Receipt, enqueue_bookings

HELD, BATCH = 10_000, 500
ROUNDS = 7


def rss(pid: int) -> int:
    """Return a process's resident memory in bytes."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def enqueue(first: int, count: int) -> list[Status]:
    """Enqueue bookings; return where they stand."""
    receipts = enqueue_bookings([request(number) for number in range(first, first + count)])
    return [receipt.status for receipt in receipts if isinstance(receipt, Receipt)]


def test_ten_thousand_holds_leave_redis_and_the_workers_as_they_were(
    fleet: Callable[..., Fleet], redis_url: str
) -> None:
    """No Celery message, less than 1 MB of Redis, less than 5 MB of each worker."""
    running = fleet()
    workers = [running.worker(), running.maintenance()]
    running.beat()
    eventually(lambda: running.logs().count(" ready.") == 2, what="both workers")
    breaker = dependencies.current().breaker
    breaker.force_open("operator", "a test")
    enqueue(0, BATCH)
    with redis.Redis.from_url(redis_url) as client:
        beats = int(client.info("commandstats")["cmdstat_evalsha"]["calls"])
        eventually(lambda: client.info("commandstats")["cmdstat_evalsha"]["calls"] > beats + 5, what="beat runs")
        before, resident = client.info("memory")["used_memory"], [rss(one.pid) for one in workers]
        for first in range(BATCH, BATCH + HELD, BATCH):
            assert set(enqueue(first, BATCH)) == {Status.HELD}
        grown = client.info("memory")["used_memory"] - before
        taken = [message for message in client.hvals("unacked") if b"book_appointment" in message]
        assert (client.llen("bookings"), taken) == (0, [])
    assert grown < 1_000_000
    assert all(rss(one.pid) - was < 5_000_000 for one, was in zip(workers, resident, strict=True))


@pytest.mark.alone
def test_a_hold_takes_no_longer_to_accept_than_a_booking(settings: Callable[..., dict[str, str]]) -> None:
    """Medians of rounds in turn, the breaker closed and open; a hold even saves the message."""
    settings()
    took: dict[Status, list[float]] = {Status.PENDING: [], Status.HELD: []}
    breaker = dependencies.current().breaker
    enqueue(0, 200)
    for turn in range(ROUNDS * 2):
        status = Status.HELD if turn % 2 else Status.PENDING
        with dependencies.current().engine.begin() as conn:
            conn.execute(text("DELETE FROM appointments"))  # nobody waits in line, or the closed rounds would hold too
        (breaker.force_open if turn % 2 else breaker.reset)("operator", "a test")
        began = time.monotonic()
        seen = enqueue(1000 * turn, 200)
        took[status].append(time.monotonic() - began)
        assert set(seen) == {status}
    assert statistics.median(took[Status.HELD]) < 1.3 * statistics.median(took[Status.PENDING])
