"""Connections of the client's own, to a URL: each is bound by the block's deadline, and commits by itself."""

import asyncio
import os
import select
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.abc import PQGen, PQGenConn
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from booking_client.database.deadlines import RV, DeadlineConnection, connect_in_time, remaining
from booking_client.database.turns import Turns
from booking_client.errors import AppointmentDatabaseException

PoolT = TypeVar("PoolT")
SIZE = 10  # connections at most, of one Bookings
PATIENCE = 5.0  # seconds that one waits for a connection outside any deadline
_OURS: dict[str, Any] = {
    "application_name": "booking-client",
    # A peer that vanished without a word: noticed after 20 s when idle, after 10 s when something was sent.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}


class Pool(Protocol):
    """What is asked of a pool: Connections has it, and psycopg_pool's ConnectionPool."""

    def connection(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        """Lend a connection."""


class AsyncPool(Protocol):
    """What is asked of an asynchronous pool: AsyncConnections has it, and psycopg_pool's AsyncConnectionPool."""

    def connection(self) -> AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]:
        """Lend a connection."""


def lending(pool: PoolT) -> PoolT:
    """Return a pool that a caller has given.

    Raises:
        TypeError: It lends no connections.
    """
    if not callable(getattr(pool, "connection", None)):
        raise TypeError("database must be a URL of PostgreSQL, or a pool of psycopg_pool")
    return pool


class Connections:
    """Lend connections to threads: SIZE at most, the last used first."""

    def __init__(self, url: str) -> None:
        self._conninfo, self._options = _read(url)
        self._begin()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._idle: list[DeadlineConnection] = []
        self._turns = Turns(SIZE)

    @contextmanager
    def connection(self) -> Iterator[DeadlineConnection]:
        """Lend a connection; one that was left in the middle of something is closed.

        Raises:
            AppointmentDatabaseException: All are in use for as long as one may wait.
        """
        if self._owner != os.getpid():
            self._begin()  # a child has connections of its own: a socket has one owner
        turns = self._turns
        if not turns.take(remaining(PATIENCE)):
            raise _all_in_use()
        try:
            conn = self._take() or DeadlineConnection.connect(self._conninfo, **self._options)
            try:
                yield conn
            except psycopg.Error:  # it may be lost, or a replica's by now
                conn.close()
                raise
            finally:
                if _at_rest(conn):
                    self._idle.append(conn)
                else:
                    conn.close()
        finally:
            turns.give()

    def _take(self) -> DeadlineConnection | None:
        while self._idle:
            conn = self._idle.pop()
            if not _hung_up(conn):
                return conn
            conn.close()
        return None

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()


class AsyncDeadlineConnection(psycopg.AsyncConnection[Any]):
    """Hang up on a server that does not answer in time."""

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:  # noqa: ASYNC109 - its signature
        """Wait for one exchange to end; a `timeout` is psycopg's own, for what it can do without."""
        left = remaining(None)
        if timeout is not None or left is None:
            return await super().wait(gen, interval, timeout)
        try:
            return await super().wait(gen, interval, left)
        except psycopg.OperationalError:
            if remaining(None) == 0:
                await self.close()
            raise

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        return connect_in_time(super()._connect_gen(conninfo))


class AsyncConnections:
    """Lend connections to coroutines of one event loop: SIZE at most, the last used first."""

    def __init__(self, url: str) -> None:
        self._conninfo, self._options = _read(url)
        self._idle: list[AsyncDeadlineConnection] = []
        self._free = asyncio.Semaphore(SIZE)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncDeadlineConnection]:
        """Lend a connection; one that was left in the middle of something is closed.

        Raises:
            AppointmentDatabaseException: All are in use for as long as one may wait.
        """
        try:
            async with asyncio.timeout(remaining(PATIENCE)):  # `wait_for` would make a task of each
                await self._free.acquire()
        except TimeoutError:
            raise _all_in_use() from None
        try:
            conn = await self._take() or await AsyncDeadlineConnection.connect(self._conninfo, **self._options)
            try:
                yield conn
            except psycopg.Error:
                await conn.close()
                raise
            finally:
                if _at_rest(conn):
                    self._idle.append(conn)
                else:
                    await conn.close()
        finally:
            self._free.release()

    async def _take(self) -> AsyncDeadlineConnection | None:
        while self._idle:
            conn = self._idle.pop()
            if not _hung_up(conn):
                return conn
            await conn.close()
        return None

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            await self._idle.pop().close()


def _read(url: str) -> tuple[str, dict[str, Any]]:
    """Return what psycopg connects by: `postgresql+psycopg://` and `prepare_threshold` are the worker's own.

    Raises:
        ValueError: libpq cannot read the URL.
    """
    options = {"autocommit": True, **_OURS}
    if "://" in url:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        threshold = query.pop("prepare_threshold", None)
        if threshold is not None:
            options["prepare_threshold"] = None if threshold == "none" else int(threshold)
        options = {name: value for name, value in options.items() if name not in query}  # what the URL says wins
        url = urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0], query=urlencode(query)))
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its message may hold a part of the password
        raise ValueError("the database's URL cannot be read: write postgresql://user:password@host:port/name") from None
    return url, options


def _all_in_use() -> AppointmentDatabaseException:
    return AppointmentDatabaseException(
        "all of this client's connections to Postgres are in use", error_type="unavailable"
    )


def _at_rest(conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return not conn.closed and conn.info.transaction_status is TransactionStatus.IDLE


def _hung_up(conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Return whether the server has hung up: idle it says nothing, so a readable socket is its farewell."""
    if conn.closed:
        return True
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))
