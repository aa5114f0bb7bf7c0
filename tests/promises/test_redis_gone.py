"""Redis saves work and keeps no promise: whatever happens to it, no booking and no order of an operator is lost."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from fleet import Fleet, eventually, finals, request

from resilience.permit import Outcome, State
from tasks import orders, parts
from tasks.guard import CREATE
from worker import enqueue_bookings

BREAKER = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "1"}
HURT = ["scripts forgotten", "everything forgotten", "restarted", "frozen"]


def hurt(valkey: Any, how: str) -> None:
    """Do it."""
    with redis.Redis.from_url(valkey.url) as client:
        match how:
            case "scripts forgotten":
                client.script_flush()
            case "everything forgotten":
                client.flushall()
            case "restarted":
                valkey.kill()
                valkey.restart()
            case "frozen":
                valkey.pause()
                threading.Event().wait(3)  # the fault itself lasts so long
                valkey.resume()


def enqueue(first: int, count: int) -> list[int]:
    """Enqueue bookings and return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings([request(first + n) for n in range(count)])]  # type: ignore[union-attr]


@pytest.mark.parametrize("how", HURT)
def test_every_booking_is_made_once_and_no_exception_reaches_a_task(
    fleet: Callable[..., Fleet],
    simulator: Any,
    valkey: Any,
    judge: Callable[[Any], None],
    how: str,
) -> None:
    """Cal.com is down, Redis is hurt, Cal.com comes back, Redis is hurt again in the drain."""
    running = fleet(**BREAKER).start()
    wanted = enqueue(0, 1)
    finals(wanted)
    simulator.faults("status", name="unavailable")
    wanted += enqueue(1, 20)
    eventually(lambda: parts.parts().breaker.is_open(CREATE), what="the breaker opens")
    wanted += enqueue(21, 60)
    hurt(valkey, how)
    wanted += enqueue(81, 20)
    simulator.no_faults()
    simulator.faults("latency", delay=0.1)
    eventually(lambda: len(simulator.bookings()) > 5, what="the drain begins")
    hurt(valkey, how)
    judge(finals(wanted))
    said = running.logs()
    assert [line for line in said.splitlines() if "raised unexpected" in line or "task_failed" in line] == []


@pytest.mark.parametrize(("mode", "state"), [("open", State.FORCED_OPEN), ("off", State.OFF)])
@pytest.mark.parametrize("how", ["everything forgotten", "restarted"])
def test_an_operators_order_outlives_redis(
    settings: Callable[..., dict[str, str]], valkey: Any, how: str, mode: str, state: State
) -> None:
    """It stands in Postgres, and whoever first finds Redis empty obeys it before anything else."""
    settings(**BREAKER)
    built = parts.parts()
    assert not built.breaker.is_open(CREATE)
    assert orders.order(built.engine, built.breaker, mode, by="operator", why="a test")
    hurt(valkey, how)
    eventually(lambda: built.breaker.get_status().shared and built.breaker.get_status().state is state, within=10)
    assert bool(built.breaker.acquire(CREATE, owner="one")) is (mode == "off")


def test_a_frozen_redis_costs_a_call_at_most_a_fifth_of_a_second(
    settings: Callable[..., dict[str, str]], valkey: Any
) -> None:
    """It is waited for once; while it is known to be gone only one caller a second looks again."""
    settings(**BREAKER)
    breaker = parts.parts().breaker
    breaker.record(breaker.acquire(CREATE, owner="before"), Outcome.SUCCESS)  # type: ignore[arg-type]
    valkey.pause()
    took = []
    for number in range(20):
        began = time.monotonic()
        permit = breaker.acquire(CREATE, owner=f"call {number}")
        breaker.record(permit, Outcome.FAILURE_ENDPOINT if number == 0 else Outcome.IGNORED)  # type: ignore[arg-type]
        took.append(time.monotonic() - began)
    valkey.resume()
    assert max(took) < 0.35, "0.2 s, and some for two noisy cores"
    assert sum(took) < 0.5
