"""Turn SQLAlchemy's exceptions into our own, without the statement: it may hold personal data."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from resilience.exceptions import AppointmentDatabaseException, AppointmentException

# PostgreSQL's SQLSTATEs (Appendix A of its manual) after which the same statement may succeed.
_KINDS = {
    "40P01": "deadlock",
    "40001": "serialization",
    "57014": "timeout",  # the statement was cancelled by its time-out
    "55P03": "timeout",  # a lock was not available in time
    "57P01": "lost_connection",  # the server was shut down
    "57P02": "lost_connection",  # the server crashed
    "25P03": "lost_connection",  # this process was idle in a transaction, perhaps frozen
    "0A000": "lost_connection",  # a migration has changed a table, so prepared statements fail
    "25006": "unavailable",  # read-only: the server became a replica, or its disk is full
    "57P03": "unavailable",  # the server starts up
    "53300": "unavailable",  # too many connections
}
_CONNECTION = "08"  # the class of connection exceptions
NOT_MIGRATED = frozenset({"42P01", "42703"})
"""SQLSTATEs of a missing table or column."""
LACKS_TABLES = "the database lacks our tables, or some of their columns; run `booking migrate`"


def as_appointment_error(exc: BaseException | None) -> AppointmentException:
    """Return `exc` as an exception of ours, by its SQLSTATE, which psycopg does not give without a connection."""
    if isinstance(exc, AppointmentException):
        return exc
    state = getattr(getattr(exc, "orig", None), "sqlstate", None)
    if state is not None:
        lost = state.startswith(_CONNECTION)  # also what a pooler reports about a server that has died
        kind = "lost_connection" if lost else _KINDS.get(state, "other")
        hint = "; run `booking migrate`" if state in NOT_MIGRATED else ""
        message = f"Postgres {'cannot be reached' if lost else 'refused'} (SQLSTATE {state}){hint}"
        return AppointmentDatabaseException(message, error_type=kind, sql_error_code=state)
    if isinstance(exc, PoolTimeoutError):
        return AppointmentDatabaseException(
            "all of this process's connections to Postgres are in use", error_type="unavailable"
        )
    if isinstance(exc, DBAPIError):
        return AppointmentDatabaseException("Postgres cannot be reached", error_type="lost_connection")
    return AppointmentDatabaseException(f"the database layer failed: {type(exc).__name__}", error_type="other")


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into AppointmentDatabaseException."""
    try:
        yield
    except SQLAlchemyError as exc:
        raise as_appointment_error(exc) from None
