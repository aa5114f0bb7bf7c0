"""Connections to Postgres with a deadline, whose own time-outs end nothing while it is frozen; and statements on them.

What is sent for every booking (`fetch`) is prepared by psycopg, read as tuples, each a transaction of its own.
SQLAlchemy builds a statement, its cache key, its result and its rows at each call: 0.3 ms of a worker's time where
psycopg's own take 0.05. Its connection, its errors and its events are kept: pool, deadlines and counts are the same.
"""

import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen, PQGenConn
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool
from sqlalchemy.util.queue import Queue

RV = TypeVar("RV")
_NEVER = float("inf")
_CLOCK = "booking_worker_clock"
_ends_at: ContextVar[float | None] = ContextVar("deadline_ends_at", default=None)  # monotonic


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Bound all that this block asks of Postgres together, connecting included; None: it may take as long as it likes.

    What is out of time ends as an OperationalError on a closed connection: Postgres rolls back, unless it was asked to
    commit; then nobody knows.
    """
    token = _ends_at.set(_NEVER if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def remaining(seconds: float | None) -> float | None:
    """Return how many seconds may be waited for something that may take `seconds` (None: for ever), by the deadline."""
    ends_at = _ends_at.get()
    if ends_at is None or ends_at == _NEVER:
        return seconds
    left = max(ends_at - time.monotonic(), 0.0)
    return left if seconds is None else min(seconds, left)


class DeadlineConnection(psycopg.Connection[Any]):
    """Hang up on a server that does not answer in time."""

    answer_within = _NEVER  # seconds for one exchange, outside any `deadline`

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for one exchange to end; a `timeout` is psycopg's own, for what it can do without."""
        ends_at = _ends_at.get() or time.monotonic() + self.answer_within
        if timeout is not None or ends_at == _NEVER:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, max(ends_at - time.monotonic(), 0.0))
        except psycopg.OperationalError:
            if time.monotonic() >= ends_at:
                self.close()
            raise

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        """Connect before the block's deadline: libpq's own connect_timeout knows nothing below two seconds."""
        connecting = super()._connect_gen(conninfo)
        try:
            wanted = next(connecting)
            while True:
                ready = yield wanted
                if time.monotonic() >= (_ends_at.get() or _NEVER):
                    raise psycopg.errors.ConnectionTimeout("connection timeout expired")
                wanted = connecting.send(ready)
        except StopIteration as connected:
            made: Self = connected.value
            return made


class _DeadlineQueue(Queue[ConnectionPoolEntry]):
    """Wait for a connection until the block's deadline, for others may be frozen with all of them.

    And by a monotonic clock: SQLAlchemy's queue (2.0, util/queue.py) waits by the time of day, which may be set back.
    """

    def get(self, block: bool = True, timeout: float | None = None) -> ConnectionPoolEntry:  # noqa: FBT001, FBT002 - as in Queue
        with self.mutex:
            if block:
                self.not_empty.wait_for(lambda: not self._empty(), remaining(timeout))
            return super().get(block=False)


class DeadlinePool(QueuePool):
    """Hand out connections within the block's deadline."""

    _queue_class = _DeadlineQueue  # as AsyncAdaptedQueuePool sets its own


def refuse_hung_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    """Replace the pool's connections when the server has hung up on this one, as at a restart.

    An idle server says nothing, so a readable socket is its farewell. That costs one system call where a ping at every
    checkout (`pool_pre_ping`) costs a round trip.
    """
    poll = select.poll()
    if not connection.closed:
        poll.register(connection.fileno(), select.POLLIN)
    if connection.closed or poll.poll(0):
        raise InvalidatePoolError("the server hung up on an idle connection")


def fetch(conn: Connection, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Send a statement with %(name)s in it, and return its rows; in the transaction of `conn`, if it has one.

    Raises:
        SQLAlchemyError: As `Connection.execute` would.
    """
    driver: Any = conn.connection.driver_connection
    if not driver.autocommit and not conn.in_transaction():
        conn.begin()  # as `Connection.execute` begins one: who commits later commits this
    cursor = driver.cursor()
    try:
        for tell in conn.dispatch.before_cursor_execute:
            sql, parameters = tell(conn, cursor, sql, parameters, None, False)  # SQLAlchemy makes each return both
        cursor.execute(sql, parameters, prepare=True)
        for tell in conn.dispatch.after_cursor_execute:
            tell(conn, cursor, sql, parameters, None, False)
    except BaseException as exc:  # noqa: BLE001 - as `Connection.execute` ends (SQLAlchemy 2.0, engine/base.py):
        # its events, its error, and a lost connection taken apart.
        said = sql if isinstance(exc, psycopg.Error) else None
        conn._handle_dbapi_exception(exc, said, None, cursor, None)  # noqa: SLF001 - nothing public does all of it
    return list(cursor.fetchall())


def fetch_in_time(conn: Connection, sql: str, parameters: Mapping[str, Any]) -> list[list[Any]]:
    """As `fetch`, of a statement that does nothing after %(not_after)s; its first column says whether it came in time.

    A server that stood still does what it was sent meanwhile, though its sender was told that it was not done. Its
    clock is asked once a connection, and again before it is believed that something came too late.

    Raises:
        OperationalError: It came too late, as a statement that was cancelled by its time-out; nothing was done.
    """
    for read_anew in (False, True):
        rows = fetch(conn, sql, {**parameters, "not_after": _not_after(conn, read_anew=read_anew)})
        if rows[0][0]:
            return [answer for _, *answer in rows if answer.count(None) < len(answer)]
    raise OperationalError("too late", None, psycopg.errors.QueryCanceled("it came too late, and was not done"))


def _not_after(conn: Connection, *, read_anew: bool) -> datetime | None:
    """Return when nobody waits for the next answer any more, by Postgres's clock; None: somebody always does."""
    seconds = remaining(getattr(conn.connection.driver_connection, "answer_within", None))
    if seconds is None:
        return None
    ends_at = time.monotonic() + seconds
    if read_anew or _CLOCK not in conn.info:
        read_at = time.monotonic()
        conn.info[_CLOCK] = fetch(conn, "SELECT clock_timestamp()", {})[0][0], read_at
    said, read_at = conn.info[_CLOCK]
    not_after: datetime = said + timedelta(seconds=ends_at - read_at)
    return not_after
