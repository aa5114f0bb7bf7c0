"""Redis saves work and keeps no promise: whatever happens to it, no booking and no order of an operator is lost."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import redis

from db.lifecycle import Status
from db.monitoring import overrides
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit, State
from resilience.shared_state.client import make_redis
from resilience.shared_state.scripts import Client
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.host.application import app
from tasks.maintenance.release import RELEASE
from tasks.operations import breaker_overrides
from tests.promises.brokers import RabbitBroker
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.stepping import Hand
from tests.support.timeouts import expired_timeouts
from worker import enqueue_bookings

BREAKER = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "1"}
IMPATIENT: dict[str, float] = dict(make_redis.__kwdefaults__ or {})  # as a fleet is
AT_MOST = 0.2  # seconds of time-outs that a guarded call may wait out
FROZEN = 3.0
"""Seconds that the fault itself lasts: longer than any time-out of ours, and several looks whether Redis is back."""
HURT = [
    "scripts forgotten",
    pytest.param("everything forgotten", marks=pytest.mark.long),
    pytest.param("restarted", marks=pytest.mark.long),
    "frozen",
]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process wait for a Redis that is only slow: it asks none that is frozen, but where it says so."""
    monkeypatch.setattr(make_redis, "__kwdefaults__", dict.fromkeys(IMPATIENT, 30.0))


def hurt(valkey: Any, how: str) -> None:
    """Do it, once."""
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
                threading.Event().wait(FROZEN)
                valkey.resume()


def enqueue(first: int, count: int) -> list[int]:
    """Enqueue bookings and return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings([request(first + n) for n in range(count)])]  # type: ignore[union-attr]


@pytest.mark.variants
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
    eventually(lambda: dependencies.current().breaker.get_status().state is State.OPEN, what="the breaker opens")
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
    """It stands in Postgres, and the first process that finds Redis empty obeys it before anything else."""
    settings(**BREAKER)
    built = dependencies.current()
    assert built.breaker.acquire(CREATE, owner="before")
    assert breaker_overrides.force(built.engine, built.breaker, mode, by="operator", why="a test")
    hurt(valkey, how)
    eventually(lambda: (now := built.breaker.get_status()).shared and now.state is state, what=f"it is {state}")
    assert bool(built.breaker.acquire(CREATE, owner="one")) is (mode == "off")


def test_an_override_that_a_process_was_not_told_of_is_obeyed_when_redis_dies(
    settings: Callable[..., dict[str, str]], valkey: Any
) -> None:
    """It was given since its last call, and stands in Postgres."""
    settings(**BREAKER)
    built = dependencies.current()
    assert built.breaker.acquire(CREATE, owner="before")
    with built.engine.begin() as conn:
        overrides.add(conn, built.breaker.service, breaker_overrides.OPEN, by="operator", why="a test")
    valkey.kill()
    assert not built.breaker.acquire(CREATE, owner="after")


def breaker_in(state: State, url: str, clock: Hand) -> CircuitBreaker:
    """Build a breaker of its own in this state, whose orders stand in Postgres; it gives up as soon as a fleet's do."""
    engine, service = dependencies.current().engine, state.value
    settings = BreakerSettings(open_for=600, rate_limit=0)

    def join(client: Client) -> CircuitBreaker:
        orders = partial(breaker_overrides.in_force, engine, service)
        return CircuitBreaker(service, redis=client, settings=settings, overrides=orders, clock=clock)

    patient = join(make_redis(url))
    for _ in range(5 if state is State.OPEN else 0):
        patient.record_failure("timeout")
    if mode := {State.FORCED_OPEN: breaker_overrides.OPEN, State.OFF: breaker_overrides.OFF}.get(state):
        breaker_overrides.force(engine, patient, mode, by="operator", why="a test")
    return join(make_redis(url, **IMPATIENT))


def guarded_call(breaker: CircuitBreaker, number: int) -> float:
    """Make one guarded call; return the seconds of time-outs that it waited out."""
    with expired_timeouts() as waited:
        permit = breaker.acquire(CREATE, owner=f"call {number}")
        if isinstance(permit, Permit):
            breaker.record(permit, CallOutcome.SUCCESS)
    return sum(waited)


def look(breaker: CircuitBreaker, clock: Hand) -> State | None:
    """Make one guarded call a second later; return the shared state if Redis has answered in time."""
    clock.move(1.1)
    guarded_call(breaker, 0)
    now = breaker.get_status()
    return now.state if now.shared else None


@pytest.mark.parametrize("state", [state for state in State if state is not State.HALF_OPEN])
def test_ten_frozen_seconds_cost_a_call_at_most_a_fifth_of_a_second_and_change_no_state(
    settings: Callable[..., dict[str, str]], valkey: Any, state: State
) -> None:
    """Whatever state it is in: who looks whether Redis is back waits once, all others not at all."""
    settings()
    clock = Hand()
    breaker = breaker_in(state, valkey.url, clock)
    eventually(lambda: look(breaker, clock) is state, what="it has been answered in time")
    valkey.pause()
    waited = []
    for tenth in range(100):
        waited.append(guarded_call(breaker, 1 + tenth))
        clock.move(0.1)
    valkey.resume()
    assert max(waited) <= AT_MOST
    assert sum(cost > 0 for cost in waited) == 10, "once a second"
    make_redis(valkey.url).ping()  # it has thawed
    assert eventually(lambda: look(breaker, clock)) is state
    assert bool(breaker.acquire(CREATE, owner="after")) is (state in {State.CLOSED, State.OFF})


def bring(state: State, simulator: Any) -> None:
    """Bring the shared breaker into this state; Cal.com is well, unless it is open."""
    built = dependencies.current()
    if state is State.OPEN:
        simulator.faults("status", name="unavailable")
        enqueue(100, 20)
    elif state is not State.CLOSED:
        mode = breaker_overrides.OFF if state is State.OFF else breaker_overrides.OPEN
        assert breaker_overrides.force(built.engine, built.breaker, mode, by="operator", why="a test")
    if state is State.HALF_OPEN:
        assert breaker_overrides.auto(built.engine, built.breaker, by="operator", why="a test")
    eventually(lambda: built.breaker.get_status().state is state, what=f"the breaker is {state}")


def releases() -> int:
    """Return how many releases the maintenance worker has begun; it asks the breaker in each."""
    said = app.control.inspect(["maintenance@test"], timeout=1.0).stats() or {}
    return sum(one["total"].get(RELEASE, 0) for one in said.values())


@pytest.mark.debian_rabbitmq
@pytest.mark.parametrize("state", State)
def test_ten_seconds_without_redis_in_any_state_lose_and_double_nothing(
    fleet: Callable[..., Fleet],
    simulator: Any,
    valkey: Any,
    rabbit_broker: RabbitBroker,
    judge: Callable[[Any], None],
    state: State,
) -> None:
    """The fleet works on: what is shut stays shut, what is not goes on, and the shared state is as it was."""
    running = fleet(**{**rabbit_broker.settings, **BREAKER, "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "600"})
    running.worker(name="other", concurrency=8)
    running.start(concurrency=8)
    simulator.faults("latency", delay=1)
    finals(enqueue(0, 16))
    bring(state, simulator)
    wanted = enqueue(200, 60)
    shut = state in {State.OPEN, State.FORCED_OPEN}
    if shut:
        eventually(lambda: all(row(one).status is Status.HELD for one in wanted), what="the workers have been told")
        begun = eventually(releases, what="the maintenance worker has answered")
        eventually(
            lambda: releases() >= begun + 2, what="maintenance has been told: it goes on from what it last heard"
        )
    else:
        eventually(lambda: len(simulator.journal()) > 16, what="the next bookings are on their way")
    valkey.kill()
    calls = len(simulator.journal())
    wanted += enqueue(260, 20)
    threading.Event().wait(10)  # the fault itself lasts so long
    if shut:
        assert len(simulator.journal()) == calls
    else:
        eventually(lambda: len(simulator.journal()) > calls, what="the fleet works on")
    valkey.restart()
    wanted += enqueue(300, 20)  # half-open waits for somebody who calls
    breaker, after = dependencies.current().breaker, State.CLOSED if state is State.HALF_OPEN else state
    eventually(lambda: (now := breaker.get_status()).shared and now.state is after, what=f"it is {after}")
    simulator.no_faults()
    assert breaker_overrides.reset(dependencies.current().engine, breaker, by="operator", why="the test is over")
    judge(finals([*range(1, max(wanted) + 1)]))


def given_up(running: Fleet) -> int:
    """Count the processes whose own breaker has opened."""
    changed = [line for line in running.logs().splitlines() if '"event": "breaker_changed"' in line]
    return sum('"endpoint": null' in line and '"shared": false' in line for line in changed)


def is_told() -> bool:
    """Say whether somebody was told that Redis is gone."""
    with dependencies.current().engine.connect() as conn:
        told = "SELECT count(*) FROM alert_incidents WHERE kind = 'redis_gone' AND news > 0"
        return bool(conn.exec_driver_sql(told).scalar_one())


@pytest.mark.debian_rabbitmq
def test_with_another_broker_the_line_moves_at_the_limits_pace_while_redis_is_gone(
    fleet: Callable[..., Fleet], simulator: Any, valkey: Any, rabbit_broker: RabbitBroker, judge: Callable[[Any], None]
) -> None:
    """Cal.com dies meanwhile, too; the pace is measured by benchmarks/redis_gone.py, with eight processes."""
    running = fleet(
        **rabbit_broker.settings,
        CALCOM_RATE_LIMIT_PER_MINUTE="300",
        CIRCUIT_BREAKER_THRESHOLD="5",
        CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="600",
    )
    for number in range(3):
        running.worker(name=f"bookings{number}", concurrency=2)
    running.maintenance()
    running.beat()
    wanted = enqueue(0, 120)
    eventually(simulator.bookings, what="the line moves")
    valkey.kill()
    alone = len(simulator.bookings())
    eventually(lambda: len(simulator.bookings()) >= alone + 20, what="it moves without Redis")
    simulator.faults("status", name="unavailable")
    before = len(simulator.journal())
    eventually(lambda: given_up(running), what="a process finds out by itself, and may hold what others would call for")
    eventually(is_told, what="somebody is told")
    assert len(simulator.journal()) - before <= 3 * (5 + 2), "threshold and threads of each"
    simulator.no_faults()
    valkey.restart()
    ends = finals(wanted, within=120)
    status = dependencies.current().breaker.get_status()
    assert (status.shared, status.state) == (True, State.CLOSED), "it never heard of the outage, and wins"
    judge(ends)
