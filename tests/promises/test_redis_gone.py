"""Redis saves work and keeps no promise: whatever happens to it, no booking and no order of an operator is lost."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from statistics import median
from typing import Any

import pytest
import redis
from fleet import Fleet, eventually, finals, request

from resilience.breaker_settings import BreakerSettings
from resilience.circuit_breaker import CircuitBreaker
from resilience.permit import CallOutcome, Permit, State
from resilience.redis_client import make_redis
from tasks import orders, parts
from tasks.guard import CREATE
from worker import enqueue_bookings

BREAKER = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "1"}
AT_MOST = 0.2  # seconds that a guarded call may cost more
HURT = ["scripts forgotten", "everything forgotten", "restarted", "frozen"]


def hurt(valkey: Any, how: str, *, seconds: float = 10) -> None:
    """Do it; `seconds`: how long it is frozen."""
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
                threading.Event().wait(seconds)  # the fault itself lasts so long
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
    hurt(valkey, how, seconds=3)
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


def breaker_in(state: State, url: str) -> CircuitBreaker:
    """Build a breaker of its own in this state, whose orders stand in Postgres."""
    engine, service = parts.parts().engine, state.value
    breaker = CircuitBreaker(
        service,
        redis=make_redis(url),
        settings=BreakerSettings(open_for=60, rate_limit=0),
        orders=lambda: orders.in_force(engine, service),
    )
    for _ in range(5 if state is State.OPEN else 0):
        breaker.record_failure("timeout")
    if mode := {State.FORCED_OPEN: orders.OPEN, State.OFF: orders.OFF}.get(state):
        orders.order(engine, breaker, mode, by="operator", why="a test")
    return breaker


def costs(breaker: CircuitBreaker, seconds: float) -> list[float]:
    """Make guarded calls of a twentieth of a second for so long; return what the breaker added to each."""
    call, ends_at, added = threading.Event(), time.monotonic() + seconds, list[float]()
    while (asked_at := time.monotonic()) < ends_at:
        permit = breaker.acquire(CREATE, owner=f"{threading.get_ident()} {asked_at}")
        called_at = time.monotonic()
        call.wait(0.05)
        answered_at = time.monotonic()
        if isinstance(permit, Permit):
            breaker.record(permit, CallOutcome.SUCCESS)
        added.append(called_at - asked_at + time.monotonic() - answered_at)
    return added


@pytest.mark.alone
def test_ten_frozen_seconds_cost_a_call_at_most_a_fifth_of_a_second_and_change_no_state(
    settings: Callable[..., dict[str, str]], valkey: Any
) -> None:
    """Whatever state it is in: who looks whether Redis is back waits once, all others not at all."""
    settings()
    breakers = {state: breaker_in(state, valkey.url) for state in State if state is not State.HALF_OPEN}
    threads = [*breakers.values()] * 3
    with ThreadPoolExecutor(len(threads)) as pool:
        usual = median(chain(*pool.map(costs, threads, repeat(1))))
        valkey.pause()
        frozen = list(chain(*pool.map(costs, threads, repeat(10))))
        valkey.resume()
    assert median(frozen) - usual < AT_MOST / 10
    assert sum(cost - usual > AT_MOST for cost in frozen) <= 2, "two noisy cores; who looks does so forty times"
    for state, breaker in breakers.items():
        assert eventually(lambda: (now := breaker.get_status()).shared and now.state) is state  # noqa: B023
        assert bool(breaker.acquire(CREATE, owner="after")) is (state in {State.CLOSED, State.OFF})
        breaker.close()
