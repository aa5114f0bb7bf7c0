"""Count the statements of an engine, as calls of the service `database`: how many, how long, and what went wrong."""

import re
import time
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from resilience.call_stats.stats import CallStats
from resilience.exceptions import REFUSALS, AppointmentDatabaseException
from tasks.host.database_errors import as_appointment_error

SERVICE = "database"
_BEGAN = "booking_worker_began"
_LOOKED_AT = 2000  # characters of a statement that are searched for its name
_WRITES = re.compile(
    r'\b(insert)\s+into\s+"?(\w+)|\b(delete)\s+from\s+"?(\w+)|\b(update)\s+(?!skip\b|of\b|set\b|nowait\b)"?(\w+)',
    re.IGNORECASE,
)
_READS = re.compile(r'\bfrom\s+"?(\w+)', re.IGNORECASE)
_WORD = re.compile(r"\w+")


def count_statements(engine: Engine, calls: CallStats, clock: Any = time.perf_counter) -> None:
    """Report each statement of `engine` to `calls`, by a name such as `update.appointments`; `clock` in seconds."""

    def before(conn: Connection, *_: Any) -> None:
        conn.info[_BEGAN] = clock()

    def after(conn: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        calls.count_success(name_of(statement), elapsed=_elapsed(conn, clock))

    def failed(context: ExceptionContext) -> None:
        name = name_of(context.statement) if context.statement else "connect"
        elapsed = _elapsed(context.connection, clock)
        error = as_appointment_error(context.sqlalchemy_exception)
        state = getattr(error, "sql_error_code", None) or ""
        # An error about the data or the statement is an answer: the service works.
        if context.sqlalchemy_exception is None or state[:2] in REFUSALS:
            calls.count_success(name, elapsed=elapsed)
        elif isinstance(error, AppointmentDatabaseException):
            calls.count_failure(error.error_type, name, elapsed=elapsed, context={"sqlstate": state})

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)


@lru_cache(maxsize=512)  # a process sends the same few texts all day
def name_of(statement: str) -> str:
    """Return a statement's name: its verb and its table."""
    text = statement[:_LOOKED_AT]
    write = _WRITES.search(text)
    if write:
        verb, table = (part for part in write.groups() if part)
        return f"{verb}.{table}".lower()[:64]
    read = _READS.search(text)
    if read:
        return f"select.{read[1]}".lower()[:64]
    word = _WORD.search(text)
    return word[0].lower()[:64] if word else "other"


def _elapsed(conn: Connection | None, clock: Any) -> float:
    began = None if conn is None or conn.closed else conn.info.pop(_BEGAN, None)
    return 0.0 if began is None else float(clock() - began)
