"""Turn SQLAlchemy's exceptions into our own, without the statement: it may hold personal data."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from booking_client.database.errors import of_sqlstate, unreachable
from resilience.exceptions import AppointmentDatabaseException, AppointmentException

LACKS_TABLES = "the database lacks our tables, or some of their columns; run `booking migrate`"


def as_appointment_error(exc: BaseException | None) -> AppointmentException:
    """Return `exc` as an exception of ours, by its SQLSTATE, which psycopg does not give without a connection."""
    if isinstance(exc, AppointmentException):
        return exc
    state = getattr(getattr(exc, "orig", None), "sqlstate", None)
    if state is not None:
        return of_sqlstate(state)
    if isinstance(exc, PoolTimeoutError):
        return AppointmentDatabaseException(
            "all of this process's connections to Postgres are in use", error_type="unavailable"
        )
    if isinstance(exc, DBAPIError):
        return unreachable()
    return AppointmentDatabaseException(f"the database layer failed: {type(exc).__name__}", error_type="other")


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn SQLAlchemy's errors into AppointmentDatabaseException."""
    try:
        yield
    except SQLAlchemyError as exc:
        raise as_appointment_error(exc) from None
