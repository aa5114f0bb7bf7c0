"""Build the engine: psycopg 3, bounded in every wait, silent about passwords and personal data."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, Dialect, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from db.connection import DeadlineConnection, DeadlinePool, refuse_hung_up
from db.namespace import OPTION, name_schema

_UNREADABLE = (
    "the database URL cannot be read: expected postgresql://user:password@host:port/name, "
    "with %40 for @, %3A for : and %2F for / in a password"
)
POOL_SIZE = 15
STATEMENT_TIMEOUT_MS = 10_000  # milliseconds for which a statement may wait for Postgres
STALE_PLAN = "0A000"  # "cached plan must not change result type"; we ask for nothing else that is not supported
READ_ONLY = "25006"  # a replica by now, or set to spare its disk; another server may take writes
_LATER = 2.0  # seconds that we wait longer for an answer than the server may take for it
_DRIVERS = {"postgres", "postgresql", "postgresql+psycopg"}


def make_engine(
    url: str,
    *,
    pool_size: int = POOL_SIZE,
    pool_timeout_s: float = 5,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    lock_timeout_ms: int = 3_000,
    connect_timeout_s: int = 2,
    schema: str | None = None,
) -> Engine:
    """Return an engine for postgres://, postgresql:// or postgresql+psycopg://; nothing connects yet.

    A time-out of 0 ms means no limit. Sessions speak UTC. A server that does not keep to its time-outs is hung up on.
    Who finds all connections taken waits for one `pool_timeout_s`, or until its `deadline`. `?prepare_threshold=none`
    in the URL: no prepared statements, which some poolers do not know (docs/deploying.md). Our tables are in `schema`
    (None: in the first schema of the search path).

    Raises:
        ValueError: The URL cannot be read; the message does not repeat it.
    """
    address = _read(url)
    bounds = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": lock_timeout_ms,
        # Of a process that is frozen, or cut off, in mid-transaction: its locks would keep a booking from everybody.
        "idle_in_transaction_session_timeout": statement_timeout_ms,
    }
    given = {name: value for name, value in address.query.items() if name not in {"host", "port"}}
    engine = create_engine(
        # Query arguments may hold secrets too (password=, sslpassword=); the engine's URL is printed, these are not.
        address.difference_update_query(given),
        connect_args=_arguments(given, bounds, connect_timeout_s),
        poolclass=DeadlinePool,
        pool_size=pool_size,
        max_overflow=0,  # one that is closed when it is given back costs the next a log-in, and the server a process
        pool_timeout=pool_timeout_s,
        pool_use_lifo=True,
        hide_parameters=True,
        use_native_hstore=False,  # we have none, and to look for it is a round trip of each process's first connection
        execution_options={OPTION: schema} if schema else {},
    )
    if schema:
        event.listen(engine, "before_cursor_execute", name_schema, retval=True)
    if statement_timeout_ms and "statement_timeout" not in given.get("options", ""):
        event.listen(engine, "do_connect", _bounded(statement_timeout_ms / 1000 + _LATER))
    event.listen(engine, "checkout", refuse_hung_up)
    event.listen(engine, "handle_error", _keep_rows_out_of_errors)
    event.listen(engine, "handle_error", _prepare_anew)
    event.listen(engine, "handle_error", _leave_who_takes_no_writes)
    return engine


def _arguments(given: Mapping[str, Any], bounds: Mapping[str, int], connect_timeout_s: int) -> dict[str, Any]:
    """Return the arguments of a connection: ours, and over them those that the URL has given."""
    options = " ".join(["-c timezone=UTC", *(f"-c {name}={bound}" for name, bound in bounds.items())])
    arguments: dict[str, Any] = {
        "connect_timeout": connect_timeout_s,
        "application_name": "booking-worker",
        # A peer that vanished without a word: noticed after 20 s when idle, after 10 s when something was sent.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 10_000,
    }
    arguments.update(given)  # what the URL says wins
    if "prepare_threshold" in given:  # psycopg's own, which libpq does not read for it
        arguments["prepare_threshold"] = _threshold(given["prepare_threshold"])
    arguments["options"] = f"{options} {given.get('options', '')}".strip()
    return arguments


def _bounded(seconds: float) -> Callable[..., DBAPIConnection]:
    """Return SQLAlchemy's hook that opens a connection which waits so long for an answer."""

    def connect(
        _dialect: Dialect, _entry: ConnectionPoolEntry, arguments: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        connection = DeadlineConnection.connect(*arguments, **named)
        connection.answer_within = seconds
        return connection

    return connect


def _read(url: str) -> URL:
    """Parse without ever repeating the text, which holds a password."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(_UNREADABLE) from None  # the library's own message quotes what may be half a password
    # An unescaped @ in a password makes its second half a part of the host, and so of every error message.
    if "@" in f"{address.host}{address.database}":
        raise ValueError(_UNREADABLE)
    if address.drivername not in _DRIVERS:
        raise ValueError("the database URL must begin with postgresql://: PostgreSQL is the one database we know")
    return address.set(drivername="postgresql+psycopg")


def _threshold(value: object) -> int | None:
    """Read after how many runs psycopg prepares a statement; None: never, whichever statement it is."""
    if value == "none":
        return None
    if str(value).isdecimal():
        return int(str(value))
    raise ValueError("prepare_threshold in the database URL must be `none` or a whole number")


def _keep_rows_out_of_errors(context: ExceptionContext) -> None:
    """Cut DETAIL and CONTEXT off a server's message: `Failing row contains (...)` holds names and phone numbers."""
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    summary = getattr(getattr(original, "diag", None), "message_primary", None)
    if summary is None:
        return
    full = str(original)
    original.args = (summary,)
    if wrapped is not None:
        wrapped.args = tuple(part.replace(full, summary) if isinstance(part, str) else part for part in wrapped.args)


def _prepare_anew(context: ExceptionContext) -> None:
    """Replace all connections when a migration has changed what their prepared statements return: one error in all."""
    stale = getattr(context.original_exception, "sqlstate", None) == STALE_PLAN
    if stale and context.connection is not None:
        context.is_disconnect = True
        driver: Any = context.connection.connection.driver_connection
        with suppress(psycopg.Error):  # a pooler keeps its own, and what that has prepared, for the next of us
            driver.rollback()
            driver.execute("DEALLOCATE ALL")


def _leave_who_takes_no_writes(context: ExceptionContext) -> None:
    """Replace all connections: a session that began read-only stays so, and a demoted server may keep its sessions."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY and context.connection is not None:
        context.is_disconnect = True
