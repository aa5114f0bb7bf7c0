"""What the page reads, in threads of its own: Flower's loop never waits for Postgres, Redis or a lock."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from tornado.web import HTTPError

from db.deadline import deadline
from db.engine import make_engine
from tasks import dependencies
from tasks.dependencies import Dependencies
from worker.local.running import running
from worker.settings.model import Settings

T = TypeVar("T")
PATIENCE = 1.0  # seconds for all that one answer asks of Postgres
FRESH = 0.8  # seconds that a reading is handed out to others
GONE = "Postgres does not answer"
BUSY = "too many are asking; again in a moment"


class Shared(Generic[T]):
    """Read once for all who ask: one reading in flight, none handed out that began more than `max_age` seconds ago.

    For one event loop: whoever asks while it is read waits for the same reading, and may go away meanwhile.
    """

    def __init__(
        self, read: Callable[[], Awaitable[T]], max_age: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._max_age = max_age
        self._clock = clock
        self._began_at = 0.0
        self._reading: asyncio.Future[T] | None = None

    async def latest(self) -> T:
        """Return what was read, or raise what reading it raised."""
        if self._reading is None or (self._reading.done() and self._clock() - self._began_at > self._max_age):
            self._began_at = self._clock()
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits
        return await asyncio.shield(self._reading)


@dataclass(frozen=True)
class Readings:
    """Hold what one Flower reads with: an engine that is short of patience, and four threads.

    The product's engine counts its waits as failures of the service `database`; what the page gives up is none.
    """

    deps: Dependencies
    overview_thread: Executor  # apart: lists that wait for a frozen Postgres must not delay what says so
    threads: Executor

    async def run(self, read: Callable[[Dependencies], T]) -> T:
        """Return what `read` returns, in a thread, within PATIENCE from now.

        Raises:
            HTTPError: 503, with a sentence: Postgres does not answer, or all threads are busy.
        """
        ends_at = time.monotonic() + PATIENCE

        def bounded() -> T:
            left = ends_at - time.monotonic()
            if left <= 0:
                raise HTTPError(503, BUSY)
            try:
                with deadline(left):
                    return read(self.deps)
            except SQLAlchemyError:
                raise HTTPError(503, GONE) from None

        return await asyncio.get_running_loop().run_in_executor(self.threads, bounded)


@cache
def readings() -> Readings:
    """Return this process's readings, made at the first request."""
    url = running(Settings.load()).database_url or ""
    patience_ms = int(PATIENCE * 1000)
    engine = make_engine(
        url, pool_size=4, pool_timeout_s=PATIENCE, statement_timeout_ms=patience_ms, lock_timeout_ms=patience_ms
    )
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    return Readings(
        deps=replace(dependencies.current(), engine=engine, autocommit=autocommit),
        overview_thread=ThreadPoolExecutor(1, thread_name_prefix="overview"),
        threads=ThreadPoolExecutor(3, thread_name_prefix="page"),
    )
