"""Statements that are sent for every booking: prepared by psycopg, read as tuples, each a transaction of its own.

SQLAlchemy builds a statement, its cache key, its result and its rows anew at each call: 0.3 ms of a worker's time where
psycopg's own take 0.05. Its connection, its errors and its events are kept: pool, deadlines and counts are the same.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from db.deadline import remaining

_CLOCK = "booking_worker_clock"


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
            tell(conn, cursor, sql, parameters, None, False)
        cursor.execute(sql, parameters, prepare=True)
        for tell in conn.dispatch.after_cursor_execute:
            tell(conn, cursor, sql, parameters, None, False)
    except BaseException as exc:  # noqa: BLE001 - as `Connection.execute` ends (SQLAlchemy 2.0, engine/base.py):
        # its events, its error, and a lost connection taken apart.
        said = sql if isinstance(exc, psycopg.Error) else None
        conn._handle_dbapi_exception(exc, said, None, cursor, None)  # noqa: SLF001 - nothing public does all of it
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


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
