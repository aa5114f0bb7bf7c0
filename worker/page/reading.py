"""The page's own threads and connections, so that Flower's loop never waits for a server."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from tornado.web import HTTPError

from booking_client.database.errors import NOT_MIGRATED
from db.connection import deadline
from resilience.exceptions import AppointmentDatabaseException
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.host.database_errors import LACKS_TABLES, as_appointment_error
from worker.own_connections import with_own_connections
from worker.running import running
from worker.settings.model import Settings

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
PATIENCE = 1.0  # seconds for all that one answer asks of Postgres
EXPORT_PATIENCE = 10.0  # seconds for a part of an export, and for a reader that does not take it
EXPORTS = 2  # read from Postgres at once
BUSY = "too many are asking; try again in a moment"
_SAID = {
    "timeout": "Postgres takes too long",
    "lost_connection": "Postgres does not answer",
    "unavailable": "Postgres starts up, takes no writes, or has no connection left",
}


class Shared(Generic[T]):
    """Read once for all viewers: one reading at a time, and none is returned that began over `max_age` seconds ago.

    An error is raised for all who wait for the reading; the next viewer starts a new one.

    For one event loop: a viewer who asks during a reading waits for the same one, and may leave before it ends.
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
        """Return the reading's result, or raise its error."""
        if self._reading is None or (self._reading.done() and self._is_over(self._reading)):
            self._began_at = self._clock()
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits
        return await asyncio.shield(self._reading)

    def _is_over(self, reading: asyncio.Future[T]) -> bool:
        has_failed = reading.cancelled() or reading.exception() is not None
        return has_failed or self._clock() - self._began_at > self._max_age


class SharedByKey(Generic[K, T]):
    """A shared reading for each key: however many tabs show one list or one booking, it is read once.

    Of the keys that nobody has asked for lately the reading is dropped.
    """

    def __init__(self, read: Callable[[K], Awaitable[T]], max_age: float, *, most: int = 200) -> None:
        self._read = read
        self._max_age = max_age
        self._most = most
        self._readings: OrderedDict[K, Shared[T]] = OrderedDict()

    async def latest(self, key: K) -> T:
        """Return the result of the key's reading, or raise its error."""
        shared = self._readings.setdefault(key, Shared(partial(self._read, key), self._max_age))
        self._readings.move_to_end(key)
        while len(self._readings) > self._most:
            self._readings.popitem(last=False)
        return await shared.latest()

    def forget(self) -> None:
        """Have each key read again: something was changed, and who changed it must not see what was before."""
        self._readings.clear()


@dataclass(frozen=True)
class Readers:
    """The engines and threads by which one Flower reads.

    The engine is separate: on the product's, a read that the page gives up would count as a failure of the service
    `database`. The overview has its own thread: lists that wait for Postgres must not delay the page's warning.
    """

    settings: Settings
    deps: Dependencies
    exporting: Dependencies
    overview_thread: Executor
    threads: Executor
    export_threads: Executor

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
            return asking(lambda: read(self.deps), left)

        return await asyncio.get_running_loop().run_in_executor(self.threads, bounded)


def asking(read: Callable[[], T], patience: float) -> T:
    """Return what `read` returns from Postgres, within `patience` seconds.

    Raises:
        HTTPError: 503, with a sentence.
    """
    try:
        with deadline(patience):
            return read()
    except SQLAlchemyError as exc:
        error = as_appointment_error(exc)
        if not isinstance(error, AppointmentDatabaseException):
            raise
        if error.sql_error_code in NOT_MIGRATED:
            raise HTTPError(503, LACKS_TABLES) from None
        if error.error_type not in _SAID:
            raise  # a fault of ours
        raise HTTPError(503, _SAID[error.error_type]) from None


@cache
def readers() -> Readers:
    """Return this process's readers, made at the first request."""
    settings = running(Settings.load())
    deps, url = dependencies.current(), settings.database_url or ""
    return Readers(
        settings=settings,
        deps=with_own_connections(deps, url, connections=4, patience=PATIENCE),
        exporting=with_own_connections(deps, url, connections=EXPORTS, patience=EXPORT_PATIENCE),
        overview_thread=ThreadPoolExecutor(1, thread_name_prefix="overview"),
        threads=ThreadPoolExecutor(3, thread_name_prefix="page"),
        export_threads=ThreadPoolExecutor(EXPORTS, thread_name_prefix="export"),
    )
