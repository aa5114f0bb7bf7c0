"""A key that Cal.com refused and takes again: none stays held for it, whatever was missed meanwhile."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from db import appointments
from db.lifecycle import HoldReason, Status
from db.monitoring import overrides
from resilience.circuit_breaker.types import CallOutcome
from tasks import dependencies
from tasks.enqueue import Outcome
from tasks.maintenance.breaker_transitions import record_transitions
from tasks.maintenance.release import release_held
from tasks.operations import breaker_overrides
from tasks.work.claim import claim
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.servers.patience import patient_callers
from tests.support.stepping import book, carry
from worker import enqueue_booking, enqueue_bookings

Judge = Callable[[dict[int, Outcome]], None]
SHORT, MINUTE = "tests.support.workers.short_minute", 3.0  # seconds that a minute has there


@pytest.mark.variants
@pytest.mark.parametrize("order", [None, "reset"])
@pytest.mark.parametrize("meanwhile", ["nothing", "forgets", "stalls"])
def test_after_a_401_that_is_repaired_at_cal_com_none_stays_held(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge, valkey: Any, meanwhile: str, order: str | None
) -> None:
    """With and without `booking breaker reset`, whatever Redis does; the refused key is tried once a minute only."""
    running = fleet()
    running.celery("worker", "-P", "threads", "-c", "16", "-Q", "bookings", "-n", "bookings@test", app=SHORT)
    running.celery("worker", "-P", "threads", "-c", "2", "-Q", "maintenance", "-n", "maintenance@test", app=SHORT)
    running.beat()
    began = time.monotonic()
    simulator.faults("status", name="invalid_key")
    wanted = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(20)])]
    eventually(lambda: all(row(one).hold_reason is HoldReason.CREDENTIALS for one in wanted))
    posted = Counter(entry["method"] for entry in simulator.journal())["POST"]
    if meanwhile == "forgets":
        with Redis.from_url(valkey.url) as client:
            client.flushall()
    elif meanwhile == "stalls":
        valkey.pause()
    asked, minutes = len(simulator.journal()), (time.monotonic() - began) / MINUTE

    simulator.no_faults()
    if meanwhile == "stalls":
        valkey.resume()
    built = dependencies.current()
    if order == "reset":
        eventually(lambda: breaker_overrides.reset(built.engine, built.breaker, by="ops", why="the key is good again"))

    judge(finals(wanted, within=90))
    assert posted <= 16  # as many as were under way when the first 401 came
    assert asked - posted <= 3 + minutes
    eventually(lambda: not in_force(), what="the block is lifted where it is written down, too")


def in_force() -> list[overrides.Override]:
    """Read the orders in force."""
    with dependencies.current().engine.connect() as conn:
        return overrides.in_force(conn, "calcom")


def held_now(appointment_id: int) -> bool:
    """Release what may go, as beat does, and say whether it is held all the same."""
    release_held()
    return row(appointment_id).status is Status.HELD


@pytest.mark.usefixtures("impatient")
def test_what_a_process_remembers_of_a_refused_key_strands_nothing(
    settings: Callable[..., dict[str, str]], simulator: Any, valkey: Any
) -> None:
    """The key was refused and repaired, and days later Redis is silent for a moment."""
    settings()
    built = dependencies.current()
    simulator.faults("status", name="invalid_key", count=1)
    with patient_callers():
        first, second, third = (enqueue_booking(request(number)).appointment_id for number in (1, 2, 3))
    # A Redis that is late once lets nobody go; then it is asked again.
    eventually(lambda: carry(first).hold_reason is HoldReason.CREDENTIALS, what="the key is refused")
    eventually(lambda: breaker_overrides.reset(built.engine, built.breaker, by="ops", why="the key is good again"))
    eventually(lambda: carry(second).status is Status.CONFIRMED, what="the key is taken")
    claimed = claim(built, third)
    assert claimed is not None

    valkey.pause()
    try:
        book(claimed)
    finally:
        valkey.resume()

    eventually(lambda: not held_now(third))


def test_a_hold_that_is_written_after_the_reset_ends_like_the_others(
    settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt was denied before; the operator was quicker than its last statement."""
    settings()
    built = dependencies.current()
    built.breaker.operators.block_key(built.breaker.key, by="worker", why="refused")
    one = enqueue_booking(request(1)).appointment_id
    move = appointments.move

    def late(*arguments: Any, **options: Any) -> bool:
        assert breaker_overrides.reset(built.engine, built.breaker, by="ops", why="the key is good again")
        return move(*arguments, **options)

    monkeypatch.setattr(appointments, "move", late)
    run(one)
    assert row(one).hold_reason is HoldReason.CREDENTIALS

    eventually(lambda: not held_now(one))


def test_a_401_of_a_call_begun_before_the_reset_blocks_nobody_after_it(
    settings: Callable[..., dict[str, str]],
) -> None:
    """Neither in Redis nor where blocks are written down, from where they would come back."""
    settings()
    built = dependencies.current()
    permit = built.breaker.acquire("bookings.create", owner="slow")
    assert permit
    built.breaker.operators.block_key(built.breaker.key, by="worker", why="refused")
    assert breaker_overrides.reset(built.engine, built.breaker, by="ops", why="the key is good again")

    built.breaker.record(permit, CallOutcome.CREDENTIALS, reason="credentials")
    record_transitions()

    assert built.breaker.get_status().blocked_keys == ()
    assert in_force() == []


def run(appointment_id: int) -> None:
    """Do what a worker does with one message."""
    claimed = claim(dependencies.current(), appointment_id)
    assert claimed is not None
    book(claimed)
