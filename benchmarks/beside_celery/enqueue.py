"""What it costs to accept bookings, beside the least that could accept them.

Many: `enqueue_bookings` beside as many `delay()` in a loop, which keep nothing. One: `enqueue_booking` beside one
committed INSERT of the same row, by psycopg, and one `delay()`. Both send with the product's own Celery configuration,
and to workers that are not there, so that only the caller is measured.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import psycopg
from beside_celery.plain_celery import INSERT
from beside_celery.stage import plain_row
from environment import deployment, some
from redis import Redis
from sqlalchemy import text

from tasks import dependencies
from tasks.booking import book_appointment
from worker import enqueue_booking, enqueue_bookings
from worker.local.environment import Environment

PAIRS = 5
MANY = 10_000
ONES = 200  # of each kind in turn, for a pair


def pairs() -> Iterator[dict[str, float]]:
    """Accept one by one, then many at once."""
    with deployment() as ready, psycopg.connect(ready.settings.database_url or "", autocommit=True) as keeper:
        list(_ones(keeper, 0, 20))  # warm
        for turn in range(1, 1 + PAIRS):
            yield {"enqueue_one": _ratio_of_medians(_ones(keeper, 2 * turn * ONES, ONES))}
        for turn in range(PAIRS):
            _forget(ready)
            yield {"enqueue_bulk": _many(10**6 + turn * MANY)}


def _ones(keeper: psycopg.Connection, first: int, count: int) -> Iterator[tuple[float, float]]:
    """Yield the seconds of ours, and of the least, for one request after the other."""
    wanted = some(first, 2 * count)
    for number, (ours, theirs) in enumerate(zip(wanted[::2], wanted[1::2], strict=True), first):
        row = {**plain_row(number, theirs), "status": "pending", "uid": None}
        yield _seconds(partial(enqueue_booking, ours)), _seconds(partial(_keep_and_delay, keeper, row, number))


def _keep_and_delay(keeper: psycopg.Connection, row: dict[str, object], number: int) -> None:
    keeper.execute(INSERT, row)
    book_appointment.delay(number)


def _many(first: int) -> float:
    """Return how many times as many a second ours accepts."""
    wanted = some(first, MANY)
    ours = _seconds(partial(enqueue_bookings, wanted))

    def one_by_one() -> None:
        for number in range(MANY):
            book_appointment.delay(number)

    return _seconds(one_by_one) / ours


def _ratio_of_medians(times: Iterator[tuple[float, float]]) -> float:
    ours, theirs = zip(*times, strict=True)
    return statistics.median(ours) / statistics.median(theirs)


def _forget(ready: Environment) -> None:
    """Begin with empty tables and an empty queue."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("TRUNCATE appointments CASCADE"))
    with Redis.from_url(ready.servers.redis_url) as client:
        client.delete("bookings")


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun
