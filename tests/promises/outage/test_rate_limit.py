"""Over the rate limit Cal.com is sent nothing: real workers' attempts, with the limit's minute scaled to seconds.

How much of what is allowed they use: tests/integration/breaker/test_rate_limit.py in simulated time,
benchmarks/rate_limits.py in real minutes.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests
from sqlalchemy import text

from db.appointments.appointment import Appointment
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.shared_state.client import make_redis
from tasks import dependencies
from tasks.maintenance.release import release_paced
from tasks.work.claim import claim
from tests.support.fleet import eventually, request
from tests.support.stepping import book
from worker import enqueue_bookings
from worker.wiring import build

WINDOW = 6.0  # seconds that stand for a minute
ALLOWED = 120  # calls a minute: Cal.com's limit
OURS, MORE = 100, 110  # calls a minute: CALCOM_RATE_LIMIT_PER_MINUTE as it comes, and as an operator may set it
OTHER = "/v2/slots?other=1"


@contextmanager
def workers(monkeypatch: pytest.MonkeyPatch, redis_url: str, limit: int) -> Iterator[None]:
    """Make real attempts in 16 threads of this process, whose breaker counts `limit` calls in a scaled minute.

    No setting scales the minute, so these are no processes of their own; what is sent goes to the threads directly.
    """
    built = build()
    limits = BreakerSettings(threshold=100_000, rate_limit=limit, rate_window=WINDOW, permit_lease=12)
    redis = make_redis(redis_url, timeout=5, connect_timeout=5)
    breaker = CircuitBreaker("calcom", redis=redis, settings=limits, key=built.breaker.key)
    dependencies.fill(lambda: replace(built, breaker=breaker))
    with ThreadPoolExecutor(16) as pool:

        def send(_: Any, rows: Iterable[Appointment], *, released: bool = False, **_options: Any) -> bool:
            for row in rows:
                pool.submit(work, row.id, released=released)
            return True

        monkeypatch.setattr("tasks.enqueue.send", send)
        monkeypatch.setattr("tasks.maintenance.release.send", send)
        monkeypatch.setattr("tasks.maintenance.turns.send", send)
        with beat():
            yield


@contextmanager
def beat() -> Iterator[None]:
    """Let held bookings go as beat does; scaled: every tenth of a second."""
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(0.1):
            release_paced(dependencies.current())

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(5)


def work(appointment_id: int, *, released: bool) -> None:
    """Do what the task does."""
    claimed = claim(dependencies.current(), appointment_id, released=released)
    if claimed is not None:
        done = book(claimed)
        if done.makes_room:
            release_paced(dependencies.current(), done.room)


def all_confirmed(ids: list[int]) -> bool:
    """Say whether all went through."""
    with dependencies.current().engine.connect() as conn:
        count = conn.execute(text("SELECT count(*) FROM appointments WHERE status = 'confirmed'")).scalar_one()
    return bool(count == len(ids))


@contextmanager
def another_client(simulator: Any, calls: int) -> Iterator[None]:
    """Use up `calls` of each window of the same key, evenly."""
    stop = threading.Event()

    def call() -> None:
        headers = {"Authorization": "Bearer cal_test_owner", "cal-api-version": "2024-08-13"}
        with requests.Session() as session:
            while not stop.wait(WINDOW / calls):
                session.get(simulator.url + OTHER, headers=headers, timeout=5)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(5)


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "limit"), [pytest.param(150, OURS, id="as it comes"), pytest.param(170, MORE, id="set to 110")]
)
def test_our_own_rate_limit_spares_us_every_429(
    monkeypatch: pytest.MonkeyPatch,
    settings: Callable[..., dict[str, str]],
    redis_url: str,
    simulator: Any,
    count: int,
    limit: int,
) -> None:
    """Not one 429, over more than a window of Cal.com's, also when the limit comes near to its own."""
    settings()
    simulator.settings(rate_limit=ALLOWED, rate_window=WINDOW, rate_block=WINDOW)
    with workers(monkeypatch, redis_url, limit):
        ids = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(count)])]
        eventually(lambda: all_confirmed(ids), within=90)
        calls = simulator.journal()
    assert not [call for call in calls if call["status"] == 429]
    assert len([call for call in calls if call["uid"]]) == count


@pytest.mark.long
@pytest.mark.parametrize("ours", [0, 100_000])
def test_a_limit_that_only_cal_com_tells_is_used_up_and_never_met(
    monkeypatch: pytest.MonkeyPatch,
    settings: Callable[..., dict[str, str]],
    redis_url: str,
    simulator: Any,
    ours: int,
) -> None:
    """100 calls at 60 a window, with no setting of our own or one that is far too large: two windows, no 429."""
    settings()
    simulator.settings(rate_limit=60, rate_window=WINDOW, rate_block=WINDOW, latency=[0.05, 0.25])
    with workers(monkeypatch, redis_url, ours):
        ids = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(100)])]
        eventually(lambda: all_confirmed(ids), within=90)
        calls = simulator.journal()
    assert not [call for call in calls if call["status"] == 429]
    assert len([call for call in calls if call["uid"]]) == 100


@pytest.mark.long
def test_another_client_of_the_same_key_costs_at_most_three_a_minute(
    monkeypatch: pytest.MonkeyPatch, settings: Callable[..., dict[str, str]], redis_url: str, simulator: Any
) -> None:
    """Cal.com's own count is told with each answer, and believed."""
    settings()
    simulator.settings(rate_limit=ALLOWED, rate_window=WINDOW, rate_block=WINDOW)
    with another_client(simulator, ALLOWED // 2), workers(monkeypatch, redis_url, OURS):
        ids = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(150)])]
        eventually(lambda: all_confirmed(ids), within=90)
        calls = simulator.journal()
    refused = [call["t0"] for call in calls if call["status"] == 429 and "other=1" not in call["target"]]
    assert max((sum(first <= one < first + WINDOW for one in refused) for first in refused), default=0) <= 3
    assert len([call for call in calls if call["uid"]]) == 150
