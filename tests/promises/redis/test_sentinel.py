"""A master of Redis dies and its replica takes over: Celery's messages and the breaker are there, or made good."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from db.lifecycle import Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tests.promises.redis.sentinels import MASTER, Watched
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.zygote import PATIENT as PATIENT_WITH_REDIS
from worker import enqueue_bookings
from worker.local.embedded import Guard

pytestmark = pytest.mark.debian_sentinel


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Run a master, its replica and three Sentinels."""
    with Guard() as guard:
        yield Watched(guard)


def enqueue(first: int, count: int) -> list[int]:
    """Enqueue bookings and return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings([request(first + n) for n in range(count)])]  # type: ignore[union-attr]


def test_a_failover_with_held_and_running_bookings_loses_and_doubles_nothing(
    fleet: Callable[..., Fleet],
    simulator: Any,
    watched: Watched,
    judge: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The master dies in the drain: some are held, some wait in line, some are at Cal.com."""
    monkeypatch.setenv(PATIENT_WITH_REDIS, "1")  # a master that is killed refuses at once, and is no slow one
    breaks = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "2"}
    running = fleet(REDIS_URL=f"{watched.url}?master_name={MASTER}", **breaks).start()
    breaker = dependencies.current().breaker
    finals(enqueue(0, 1))
    simulator.faults("status", name="unavailable")
    wanted = enqueue(1, 40)
    eventually(lambda: sum(row(one).status is Status.HELD for one in wanted) > len(wanted) / 2, what="they are held")
    assert breaker.get_status().shared, "the breaker has found the master"
    simulator.no_faults()
    simulator.faults("latency", delay=0.3)
    eventually(lambda: len(simulator.bookings()) > 5, what="the drain begins")
    wanted += enqueue(41, 20)
    before = watched.present()
    watched.kill_master()
    wanted += enqueue(61, 10)
    eventually(lambda: watched.present() != before, what="the replica takes over")
    judge(finals([1, *wanted], within=120))
    assert eventually(lambda: (now := breaker.get_status()).shared and now.state) is State.CLOSED
    assert "raised unexpected" not in running.logs()
