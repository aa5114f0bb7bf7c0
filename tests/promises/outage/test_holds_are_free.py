"""Promise 4: a hold costs no message, no memory of Redis or of a worker, and no time of the caller."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from booking_client.asking import FIRST_PART
from db.lifecycle import Status
from tasks import dependencies
from tests.support.fleet import Fleet, Process, eventually, request
from tests.support.statements import statements
from worker import Receipt, enqueue_bookings

HELD, BATCH = 10_000, 500
LOOKS, SMALL = 20, 200_000


def rss(pid: int) -> int:
    """Return a process's resident memory in bytes."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


class Settled:
    """Say whether the workers' memory has grown by less than `SMALL` bytes in the last `LOOKS` looks."""

    def __init__(self, workers: list[Process]) -> None:
        self.workers = workers
        self.seen: list[int] = []

    def __call__(self) -> bool:
        """Look."""
        self.seen.append(sum(rss(one.pid) for one in self.workers))
        return len(self.seen) > LOOKS and self.seen[-1] - self.seen[-LOOKS] < SMALL


def enqueue(first: int, count: int) -> list[Status]:
    """Enqueue bookings; return where they stand."""
    receipts = enqueue_bookings([request(number) for number in range(first, first + count)])
    return [receipt.status for receipt in receipts if isinstance(receipt, Receipt)]


@pytest.mark.long
def test_ten_thousand_holds_leave_redis_and_the_workers_as_they_were(
    fleet: Callable[..., Fleet], redis_url: str
) -> None:
    """No Celery message, less than 1 MB of Redis, less than 5 MB of each worker."""
    running = fleet()
    workers = [running.worker(), running.maintenance()]
    running.beat()
    eventually(lambda: running.logs().count(" ready.") == 2, what="both workers")
    breaker = dependencies.current().breaker
    breaker.operators.force_open("operator", "a test")
    enqueue(0, BATCH)
    with redis.Redis.from_url(redis_url) as client:
        beats = int(client.info("commandstats")["cmdstat_evalsha"]["calls"])
        eventually(lambda: client.info("commandstats")["cmdstat_evalsha"]["calls"] > beats + 5, what="beat runs")
        eventually(Settled(workers), what="what each worker loads at its first tasks is loaded")
        before, resident = client.info("memory")["used_memory"], [rss(one.pid) for one in workers]
        for first in range(BATCH, BATCH + HELD, BATCH):
            assert set(enqueue(first, BATCH)) == {Status.HELD}
        grown = client.info("memory")["used_memory"] - before
        assert client.llen("bookings") == 0
    assert grown < 1_000_000
    assert all(rss(one.pid) - was < 5_000_000 for one, was in zip(workers, resident, strict=True))


def test_a_hold_takes_no_longer_to_accept_than_a_booking(
    settings: Callable[..., dict[str, str]], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many statements and scripts, and not even the message; benchmarks/enqueue_while_open.py measures the time."""
    settings()
    costs: dict[Status, tuple[list[str], int, int]] = {}
    breaker = dependencies.current().breaker
    enqueue(0, FIRST_PART)
    monkeypatch.setattr("resilience.call_stats.stats.FLUSH_INTERVAL", math.inf)  # one script more, once a second
    for turn, status in enumerate((Status.PENDING, Status.HELD), start=1):
        with dependencies.current().engine.begin() as conn:
            conn.execute(text("DELETE FROM appointments"))  # nobody waits in line, or the closed rounds would hold too
        (breaker.operators.force_open if status is Status.HELD else breaker.reset)("operator", "a test")
        with redis.Redis.from_url(redis_url) as client, statements(dependencies.current().engine) as asked:
            client.config_resetstat()
            waiting = client.llen("bookings")
            assert set(enqueue(1000 * turn, FIRST_PART)) == {status}
            scripts = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            costs[status] = asked, scripts, client.llen("bookings") - waiting  # type: ignore[operator]
    booking, hold = costs[Status.PENDING], costs[Status.HELD]
    assert len(hold[0]) <= len(booking[0]) <= 4, booking[0]
    assert hold[1] <= booking[1]
    assert (hold[2], booking[2]) == (0, FIRST_PART)
