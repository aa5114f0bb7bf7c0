"""Connections to Postgres with a deadline, whose own time-outs end nothing while it is frozen; and statements on them.

What is sent for every booking (`fetch`) is prepared by psycopg, read as tuples, each a transaction of its own.
SQLAlchemy builds a statement, its cache key, its result and its rows at each call: 0.3 ms of a worker's time where
psycopg's own take 0.05. Its connection, its errors and its events are kept: pool, deadlines and counts are the same.
"""

import select
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool
from sqlalchemy.util.queue import Queue

from booking_client.database.deadlines import DeadlineConnection, ServerClock, deadline, remaining

__all__ = [
    "DeadlineConnection", "DeadlinePool", "FromNow", "Setters", "deadline", "fetch", "fetch_in_time", "refuse_hung_up",
    "remaining", "setters", "told_before",
]  # fmt: skip

Setters = tuple[tuple[str, str], ...]  # a column, and the SQL of its new value
_CLOCK = "booking_worker_clock"


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

    def _create_connection(self) -> ConnectionPoolEntry:
        """Connect; raise a database's error also where a deadline cuts off SQLAlchemy's first look at the server."""
        try:
            return super()._create_connection()
        except NotImplementedError as exc:
            raise OperationalError("the first look at the server", None, exc) from exc


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
        sql, parameters = told_before(conn, cursor, sql, parameters)
        cursor.execute(sql, parameters, prepare=True)
        for tell in conn.dispatch.after_cursor_execute:
            tell(conn, cursor, sql, parameters, None, False)
    except BaseException as exc:  # noqa: BLE001 - as `Connection.execute` ends (SQLAlchemy 2.0, engine/base.py):
        # its events, its error, and a lost connection taken apart.
        said = sql if isinstance(exc, psycopg.Error) else None
        conn._handle_dbapi_exception(exc, said, None, cursor, None)  # noqa: SLF001 - nothing public does all of it
    return list(cursor.fetchall())


def told_before(conn: Connection, cursor: Any, sql: str, parameters: Mapping[str, Any]) -> Any:
    """Tell SQLAlchemy's listeners of a statement, and return what they make of it."""
    for tell in conn.dispatch.before_cursor_execute:
        sql, parameters = tell(conn, cursor, sql, parameters, None, False)  # SQLAlchemy makes each return both
    return sql, parameters


def fetch_in_time(conn: Connection, sql: str, parameters: Mapping[str, Any]) -> list[list[Any]]:
    """As `fetch`, of a statement that does nothing after %(not_after)s; its first column says whether it came in time.

    A server that stood still does what it was sent meanwhile, though its sender was told that it was not done. Its
    clock is read once a connection, and again before it is believed that something came too late.

    Raises:
        OperationalError: It came too late, as a statement that was cancelled by its time-out; nothing was done.
    """
    within = getattr(conn.connection.driver_connection, "answer_within", None)
    clock = conn.info.setdefault(_CLOCK, ServerClock())
    for again in (False, True):
        if clock.must_be_read(remaining(within), again=again):
            clock.said = fetch(conn, "SELECT clock_timestamp()", {})[0][0]
        rows = fetch(conn, sql, {**parameters, "not_after": clock.not_after(remaining(within))})
        if rows[0][0]:
            return [answer for _, *answer in rows if answer.count(None) < len(answer)]
    raise OperationalError("too late", None, psycopg.errors.QueryCanceled("it came too late, and was not done"))


@dataclass(frozen=True, slots=True)
class FromNow:
    """A moment this many seconds from Postgres's now; negative: before it."""

    seconds: float


def setters(
    changes: Mapping[str, Any], writable: Collection[str], passed_over: Collection[str] = ()
) -> tuple[Setters, dict[str, Any]]:
    """Return what sets these columns, and their values; those `passed_over` are not set.

    Raises:
        ValueError: A column is not there, or is not for a caller to write.
    """
    if wrong := sorted(name for name in changes if name not in writable and name not in passed_over):
        raise ValueError(f"not for a caller to write: {', '.join(wrong)}")
    made, values = [], {}
    for name, value in changes.items():
        if name in passed_over:
            continue
        moment = isinstance(value, FromNow)
        made.append((name, f"now() + make_interval(secs => %({name})s)" if moment else f"%({name})s"))
        values[name] = value.seconds if moment else Jsonb(value) if isinstance(value, dict | list) else value
    return tuple(made), values
