"""Turn what SQLAlchemy raises into our own exceptions, without the statement: it may hold personal data."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from resilience.exceptions import AppointmentDatabaseException, AppointmentException


def as_appointment_error(exc: BaseException | None) -> AppointmentException:
    """Return `exc` as one of ours, by its SQLSTATE; psycopg gives none when it cannot connect, or loses the server."""
    if isinstance(exc, AppointmentException):
        return exc
    state = getattr(getattr(exc, "orig", None), "sqlstate", None)
    if state is not None:
        hint = "; run `booking migrate`" if state in {"42P01", "42703"} else ""
        return AppointmentDatabaseException(f"Postgres refused (SQLSTATE {state}){hint}", sql_error_code=state)
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
