"""Send our statements on a connection of the caller's, in the caller's transaction, whatever driver is under it."""

import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from booking_client.database.statements import Query, Rows, answered

Ask = Callable[[Query], Rows]
AskAsync = Callable[[Query], Awaitable[Rows]]

_NEEDS = (
    "connection must be a psycopg connection, a SQLAlchemy session or connection, "
    "Django's connection or another DB-API connection"
)
_PARAMETER = re.compile(r"%\((\w+)\)s|%%")


def in_transaction(connection: Any) -> Ask:
    """Return what sends a statement on a synchronous connection; the caller's commit decides.

    Raises:
        TypeError: This is no connection that we know, or an asynchronous one.
    """
    if isinstance(connection, psycopg.Connection):
        return lambda query: _fetch(connection.cursor(row_factory=tuple_row), query, query.sql, _bound(query))
    if _is_async(connection):
        raise TypeError("an asynchronous connection is for AsyncBookings")
    if _is_sqlalchemys(connection):
        return lambda query: _plain(query, _of_session(connection).execute(_text(query.sql), _bound(query)))
    if not callable(getattr(connection, "cursor", None)):
        raise TypeError(_NEEDS)
    write = _positional if _style(connection) == "format" else _named
    return lambda query: _fetch(connection.cursor(), query, *write(query))


def in_async_transaction(connection: Any) -> AskAsync:
    """Return what sends a statement on an asynchronous connection; the caller's commit decides.

    Raises:
        TypeError: It is neither psycopg's nor SQLAlchemy's.
    """
    if isinstance(connection, psycopg.AsyncConnection):

        async def ask(query: Query) -> Rows:
            async with connection.cursor(row_factory=tuple_row) as cursor:
                await cursor.execute(query.sql, _bound(query))
                return answered(query, await cursor.fetchall())

        return ask
    if not (_is_async(connection) and _is_sqlalchemys(connection)):
        raise TypeError("connection must be psycopg's AsyncConnection, or SQLAlchemy's AsyncSession or AsyncConnection")

    async def ask_session(query: Query) -> Rows:
        own = connection if _is_connection(connection) else await connection.connection()
        return _plain(query, await own.execute(_text(query.sql), _bound(query)))

    return ask_session


def _fetch(cursor: Any, query: Query, sql: str, parameters: Any) -> Rows:
    with closing(cursor):
        cursor.execute(sql, parameters)
        return _plain(query, cursor)


def _bound(query: Query) -> Mapping[str, Any]:
    """Return the parameters; whether a statement came too late, the caller's own commit decides."""
    return {**query.parameters, "not_after": None} if query.bounded else query.parameters


def _plain(query: Query, result: Any) -> Rows:
    return answered(query, [tuple(row) for row in result.fetchall()])


def _is_sqlalchemys(connection: Any) -> bool:
    return any(kind.__module__.startswith("sqlalchemy.") for kind in type(connection).__mro__)


def _is_async(connection: Any) -> bool:
    kinds = type(connection).__mro__
    return isinstance(connection, psycopg.AsyncConnection) or any(
        kind.__module__.startswith("sqlalchemy.ext.asyncio") for kind in kinds
    )


def _is_connection(connection: Any) -> bool:
    return hasattr(type(connection), "exec_driver_sql")


def _of_session(connection: Any) -> Any:
    """Return the connection of a session's transaction; a host's session may have an `execute` of its own."""
    if _is_connection(connection):
        return connection
    if not callable(getattr(connection, "connection", None)):  # an engine, or what makes sessions
        raise TypeError(_NEEDS)
    return connection.connection()


@cache
def _text(sql: str) -> Any:
    from sqlalchemy import text  # noqa: PLC0415 - the host's own, where it has one

    return text(_PARAMETER.sub(lambda found: f":{found[1]}" if found[1] else "%", sql))


def _style(connection: Any) -> str:
    """Return how a driver writes its parameters (PEP 249); what wraps one, as Django does, knows names."""
    root = sys.modules.get(type(connection).__module__.partition(".")[0])
    return str(getattr(root, "paramstyle", "pyformat"))


def _named(query: Query) -> tuple[str, Mapping[str, Any]]:
    return query.sql, _bound(query)


def _positional(query: Query) -> tuple[str, list[Any]]:
    """Write a statement for a driver that counts its parameters."""
    names = [found[1] for found in _PARAMETER.finditer(query.sql) if found[1]]
    bound = _bound(query)
    return _PARAMETER.sub(lambda found: "%s" if found[1] else "%%", query.sql), [bound[name] for name in names]
