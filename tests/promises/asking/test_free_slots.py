"""Free times are read by the key and the limit of bookings: once for all who ask, or they are not known."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from db.appointments import event_types
from db.appointments.event_types import EventKind, ShownType
from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.slots import free
from tests.sizes import Counted, sizes
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry, let_pass_in_redis, write
from worker import free_slots

PLAIN, DAY = 101, timedelta(days=1)
BEGIN = datetime(2030, 3, 4, tzinfo=UTC)
LIMIT, FIFTH, AT_ONCE = 120, 24, 6  # calls a minute; those of free times, of which so many go at once
MINUTE = 60  # seconds


def readings(simulator: Any) -> int:
    """Count how often Cal.com was asked for free times."""
    return sum(one["target"].startswith("/v2/slots") for one in simulator.journal())


def test_what_cal_com_offers_is_free_and_what_is_booked_is_not(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """Within the period alone, in UTC and in order."""
    settings()
    [booking] = accept(request(0, PLAIN, start="2030-03-04T10:00:00Z"))
    assert carry(booking).status is Status.CONFIRMED
    simulator.settings(slots_cache=0)

    found = free_slots(PLAIN, BEGIN + timedelta(hours=9), BEGIN + timedelta(hours=11), seconds=60)

    assert found.known
    assert [start.isoformat()[11:16] for start in found.starts] == ["09:00", "09:30", "10:30"]
    assert found.as_of is not None


@pytest.mark.parametrize(
    ("kind", "length", "free_at"),
    [
        (EventKind.PLAIN, 30, ["09:00", "10:30", "11:00"]),
        (EventKind.PLAIN, None, ["09:00", "09:30", "10:30", "11:00"]),
        (EventKind.ROUND_ROBIN, 30, ["09:00", "09:30", "10:00", "10:30", "11:00"]),
    ],
)
def test_a_time_that_somebody_asked_for_is_not_offered_where_one_may_have_it(
    settings: Callable[..., dict[str, str]], kind: EventKind, length: int | None, free_at: list[str]
) -> None:
    """Nor one that its booking reaches into; it is offered again when the request has ended."""
    settings()
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        shown = ShownType(policy_kind=kind, confirms_free_email=False, length_minutes=length)
        event_types.keep(conn, "key", str(PLAIN), shown)
    [booking] = accept(request(0, PLAIN, start="2030-03-04T10:00:00Z"))
    if length:
        [ended] = accept(request(1, PLAIN, start="2030-03-04T11:00:00Z"))
        write(ended, status=Status.EXPIRED)
        accept(request(2, PLAIN, start="2030-03-04T09:45:00Z"))

    found = free_slots(PLAIN, BEGIN + timedelta(hours=9), BEGIN + timedelta(hours=11, minutes=15), seconds=60)

    assert row(booking).status is Status.PENDING
    assert [start.isoformat()[11:16] for start in found.starts] == free_at


def test_all_who_ask_the_same_cost_one_call(settings: Callable[..., dict[str, str]], simulator: Any) -> None:
    """Thirty at once, of several periods of the day, in two processes; then 15 seconds are over."""
    settings()
    here = dependencies.current()
    periods = [(BEGIN + timedelta(hours=hour), BEGIN + timedelta(hours=hour + 2)) for hour in range(10)]
    with ThreadPoolExecutor(30) as askers:
        found = list(askers.map(lambda period: free_slots(PLAIN, *period, seconds=60), periods * 3))
    dependencies.fill(lambda: here)
    dependencies.end()
    settings()  # as another process: what it knows of its own is gone, and Redis has the answer
    found.append(free_slots(PLAIN, *periods[0], seconds=60))

    assert {one.known for one in found} == {True}
    assert len({one.as_of for one in found}) == 1
    assert readings(simulator) == 1


def test_many_askers_take_a_fifth_of_the_limit(settings: Callable[..., dict[str, str]], simulator: Any) -> None:
    """Sixty other questions within a minute; who is not served hears that it is not known."""
    settings()

    with ThreadPoolExecutor(20) as askers:
        found = list(
            askers.map(lambda n: free_slots(PLAIN, BEGIN + n * DAY, BEGIN + n * DAY + DAY, seconds=60), range(60))
        )

    known = sum(one.known for one in found)
    assert readings(simulator) == known
    assert FIFTH // 4 <= known <= FIFTH
    assert {one.starts for one in found if not one.known} == {()}


def share_of(seconds: float) -> float:
    """Return how many readings the share of free times has in so many seconds."""
    return AT_ONCE + seconds * (FIFTH - AT_ONCE + 1) / MINUTE


def book_all_that_the_limit_lets() -> int:
    """Make calls for bookings until the limit denies the next one; return how many."""
    breaker, calls = dependencies.current().breaker, 0
    while isinstance(permit := breaker.acquire(CREATE, owner="o"), Permit):
        breaker.record(permit, CallOutcome.SUCCESS)
        calls += 1
    return calls


@sizes(60, many=1_000)
def test_however_many_ask_in_a_minute_bookings_have_four_fifths_of_the_limit(
    settings: Callable[..., dict[str, str]], simulator: Any, redis_url: str, size: int, counted: Counted
) -> None:
    """Each asks for a day of its own, in each second before the bookings come, which take what is left."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE=str(LIMIT))
    began, booked, known = time.monotonic(), 0, 0
    with redis.Redis.from_url(redis_url, decode_responses=True) as client, ThreadPoolExecutor(20) as askers:
        for second in range(MINUTE):
            days = range(second * size // MINUTE, (second + 1) * size // MINUTE)
            known += sum(askers.map(lambda n: free_slots(PLAIN, BEGIN + n * DAY, BEGIN + n * DAY + DAY).known, days))
            asked_until = second + time.monotonic() - began
            booked += book_all_that_the_limit_lets()
            let_pass_in_redis(client, 1)

    read = readings(simulator)
    counted("asked", size)
    counted("seconds", round(asked_until))
    counted("readings", read)
    counted("calls of bookings", booked)
    assert known <= read <= share_of(asked_until)
    assert booked + read >= LIMIT - 2, "bookings have all the rest; the last second is not over"


@pytest.mark.parametrize(("seconds", "calls"), [(0, 6), (MINUTE - 60 / 19, FIFTH)])
def test_a_minute_has_a_fifth(seconds: float, calls: int) -> None:
    """The first ones at once; the one that comes back with the minute's end is the next minute's."""
    assert round(share_of(seconds), 6) == calls


def test_in_an_outage_nothing_is_known_and_nobody_guesses(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """No call is made while the breaker is open; what is held is told."""
    settings(CIRCUIT_BREAKER_THRESHOLD="2", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="600")
    for number in accept(request(1, PLAIN), request(2, PLAIN)):
        write(number, status=Status.HELD, hold_reason=HoldReason.BREAKER_OPEN, held_at=row(number).created_at)
    for _ in range(2):
        dependencies.current().breaker.record_failure("timeout")

    found = free_slots(PLAIN, BEGIN, BEGIN + DAY, seconds=60)

    assert (found.known, found.starts, found.held) == (False, (), 2)
    assert readings(simulator) == 0


def test_a_reading_that_failed_is_no_answer(settings: Callable[..., dict[str, str]], simulator: Any) -> None:
    """Nor is one that takes longer than the caller waits, whose answer then serves who asks next."""
    settings()
    simulator.faults("status", name="internal", match={"method": "GET"}, count=1)
    failed = free_slots(PLAIN, BEGIN, BEGIN + DAY, seconds=60)
    simulator.faults("latency", delay=3.0, match={"method": "GET"}, count=1)

    hasty = free_slots(PLAIN, BEGIN, BEGIN + DAY, seconds=0.05)
    patient = free_slots(PLAIN, BEGIN, BEGIN + DAY, seconds=60)

    assert (failed.known, hasty.known, patient.known) == (False, False, True)
    assert readings(simulator) == 2


def test_without_redis_each_process_reads_for_itself(settings: Callable[..., dict[str, str]], simulator: Any) -> None:
    """Once for all of its own, and within the same share."""
    settings(REDIS_URL="redis://127.0.0.1:1", CELERY_BROKER_URL="redis://127.0.0.1:1")

    found = [free_slots(PLAIN, BEGIN, BEGIN + DAY, seconds=60) for _ in range(3)]

    assert [one.known for one in found] == [True] * 3
    assert readings(simulator) == 1


@pytest.mark.parametrize(
    ("begin", "end"),
    [(BEGIN, BEGIN), (BEGIN, BEGIN - DAY), (BEGIN, BEGIN + 32 * DAY), (BEGIN.replace(tzinfo=None), BEGIN + DAY)],
)
def test_a_period_that_is_none_is_refused(begin: datetime, end: datetime) -> None:
    """Before anything is asked."""
    with pytest.raises(ValueError, match=r"later than the start|offset"):
        free.SlotsQuestion(PLAIN, begin, end)


def test_a_reader_that_has_died_holds_nobody_up_for_long(settings: Callable[..., dict[str, str]]) -> None:
    """Its lease makes others wait a little, and then nothing is known."""
    settings()
    slots, pauses = dependencies.current().slots, threading.Semaphore(0)
    slots._shared.call("reading_begin", ("{slots}:answer:dead", "{slots}:reading:dead"), (60_000,))  # type: ignore[union-attr]  # noqa: SLF001 - the other process
    slots._clock, slots._pause = iter(range(100)).__next__, lambda _: pauses.release()  # type: ignore[method-assign,assignment]  # noqa: SLF001 - time

    assert slots.ask("dead", lambda: pytest.fail("it must not be read twice")).result(60) is None
    assert pauses.acquire(blocking=False)
