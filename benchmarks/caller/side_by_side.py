"""How many requests a second 200 coroutines store by one AsyncBookings, beside 200 threads with one Bookings.

Both have ten connections; no worker runs, so that only the callers are measured.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from environment import deployment, some
from sqlalchemy import text

from booking_client import AsyncBookings, BookingRequest, Bookings
from tasks import dependencies

PAIRS = 5
CALLERS, EACH = 200, 5


def pairs() -> Iterator[dict[str, float]]:
    """Let the threads go first and last in turn."""
    with deployment() as ready:
        url = ready.settings.database_url or ""
        _threads(url, _shares(0))  # warm
        for turn in range(1, 1 + PAIRS):
            threads, coroutines = _shares(2 * turn), _shares(2 * turn + 1)
            if turn % 2:
                sync = _threads(url, threads)
                yield {"client_async": sync / _coroutines(url, coroutines)}
            else:
                awaited = _coroutines(url, coroutines)
                yield {"client_async": _threads(url, threads) / awaited}


def _shares(number: int) -> list[list[BookingRequest]]:
    """Empty the tables, and return the requests of each caller."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("TRUNCATE appointments CASCADE"))
    wanted = some(number * CALLERS * EACH, CALLERS * EACH)
    return [wanted[first::CALLERS] for first in range(CALLERS)]


def _threads(url: str, shares: Sequence[Sequence[BookingRequest]]) -> float:
    """Return the seconds of the threads; the client's connections are open before."""
    with Bookings(url) as bookings, ThreadPoolExecutor(CALLERS) as pool:

        def ask(share: Sequence[BookingRequest]) -> None:
            for request in share:
                bookings.enqueue(request)

        list(pool.map(lambda _: bookings.outcome(1), range(CALLERS)))
        begun = time.perf_counter()
        list(pool.map(ask, shares))
        return time.perf_counter() - begun


def _coroutines(url: str, shares: Sequence[Sequence[BookingRequest]]) -> float:
    """Return the seconds of the coroutines; the client's connections are open before."""

    async def measure() -> float:
        async with AsyncBookings(url) as bookings:

            async def ask(share: Sequence[BookingRequest]) -> None:
                for request in share:
                    await bookings.enqueue(request)

            await asyncio.gather(*(bookings.outcome(1) for _ in range(CALLERS)))
            begun = time.perf_counter()
            await asyncio.gather(*map(ask, shares))
            return time.perf_counter() - begun

    return asyncio.run(measure())
