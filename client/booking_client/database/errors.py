"""Turn what a driver raises into our own exception, without the statement: it may hold personal data."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import psycopg

from booking_client.errors import (
    REFUSALS,
    AppointmentDatabaseException,
    AppointmentException,
    CustomerValidationException,
)

# PostgreSQL's SQLSTATEs (Appendix A of its manual) after which the same statement may succeed.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
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
)
_CONNECTION = "08"  # the class of connection exceptions
NOT_MIGRATED = frozenset({"42P01", "42703", "42883"})
"""SQLSTATEs of a missing table, column or function."""
LOCKED = "55P03"
"""SQLSTATE of a lock that another transaction held for too long."""
_MIGRATE = "; run `booking migrate`, or name the database and the schema that have booking-worker's tables"
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        LOCKED: "; another transaction holds a lock that this waited for: nothing is kept, try again when it has ended",
        "40P01": "; another transaction and this one waited for each other: nothing is kept, try again",
        "42501": "; this role lacks a right on booking-worker's tables",
        "25P02": "; an earlier statement of this transaction has failed: roll it back first",
    }
)
NOT_OPEN = "there is no such account, or it is closed"
UNREACHABLE = "Postgres cannot be reached"
ACCOUNT_NOT_OPEN = "UA001"
"""Our own SQLSTATE (db/migrations/initial/accounts.sql): a request names an account that is not there, or is closed."""


def of_sqlstate(state: str) -> AppointmentException:
    """Return the error that a SQLSTATE stands for."""
    if state == ACCOUNT_NOT_OPEN:
        wrong = {"account": NOT_OPEN}
        return CustomerValidationException("Nothing was kept: an account is not open.", validation_errors=wrong)
    lost = state.startswith(_CONNECTION)  # also what a pooler reports about a server that has died
    kind = "lost_connection" if lost else _KINDS.get(state, "other")
    hint = _MIGRATE if state in NOT_MIGRATED else _HINTS.get(state, "")
    message = f"Postgres {'cannot be reached' if lost else 'refused'} (SQLSTATE {state}){hint}"
    return AppointmentDatabaseException(message, error_type=kind, sql_error_code=state)


def is_refused(error: AppointmentDatabaseException) -> bool:
    """Return whether Postgres refuses the statement itself: it does so each time."""
    return (error.sql_error_code or "")[:2] in REFUSALS


def unreachable() -> AppointmentDatabaseException:
    """Return the error of a server that gives no SQLSTATE: it was not reached, or was lost."""
    return AppointmentDatabaseException(UNREACHABLE, error_type="lost_connection")


def may_have_kept(error: AppointmentDatabaseException) -> AppointmentDatabaseException:
    """Return the error of a commit: when Postgres went silent over it, nobody knows whether the request is kept."""
    if error.sql_error_code and not error.sql_error_code.startswith(_CONNECTION):
        return error  # it has answered: nothing was kept
    message = f"{error.message}, and may have kept the request: send the same one again, it gets the same receipt"
    return AppointmentDatabaseException(message, error_type=error.error_type, perhaps_kept=True)


def kept_in_part(error: AppointmentDatabaseException, kept: int, asked: int) -> AppointmentDatabaseException:
    """Return the error of a part of a bulk, the parts before which are kept."""
    kept_so_far = (
        f"the first {kept:,} of {asked:,} requests are kept: send the same ones again, these get their receipts"
    )
    message = f"{error.message} ({kept_so_far})"
    return AppointmentDatabaseException(
        message, error_type=error.error_type, sql_error_code=error.sql_error_code, perhaps_kept=True
    )


@contextmanager
def driver_errors() -> Iterator[None]:
    """Turn the errors of any driver into AppointmentDatabaseException."""
    try:
        yield
    except Exception as exc:
        if not _is_a_drivers(exc):
            raise
        state = _sqlstate(exc)
        if state is None and isinstance(exc, psycopg.ProgrammingError):  # psycopg itself refused a value: none was sent
            raise AppointmentDatabaseException("psycopg refused an argument or a connection string") from None
        raise (unreachable() if state is None else of_sqlstate(state)) from None


def _is_a_drivers(exc: Exception) -> bool:
    """Return whether an error is one of PEP 249, or what SQLAlchemy or Django has made of one: each has its name."""
    names = {kind.__name__ for kind in type(exc).__mro__}
    return not names.isdisjoint({"DatabaseError", "InterfaceError", "DBAPIError", "SQLAlchemyError"})


def _sqlstate(exc: BaseException | None) -> str | None:
    """Return the SQLSTATE by psycopg, by psycopg2, by pg8000; SQLAlchemy and Django keep the driver's own error."""
    if exc is None:
        return None
    found: Any = getattr(exc, "sqlstate", None) or getattr(exc, "pgcode", None)
    if found is None and exc.args and isinstance(exc.args[0], Mapping):
        found = exc.args[0].get("C")
    return str(found) if found else _sqlstate(getattr(exc, "orig", None) or exc.__cause__)
