"""What a driver raises becomes one of our errors, by its SQLSTATE, without the statement."""

import pytest
from sqlalchemy.exc import DBAPIError

from resilience.exceptions import AppointmentDatabaseException
from resilience.retry_policy import is_immediate
from tasks.host.database_errors import as_appointment_error


class DriverError(Exception):
    """What a driver raises; `sqlstate` None: it lost the server."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("deadlock detected, or so it says: ann@example.com")
        self.sqlstate = sqlstate


def judged(sqlstate: str | None) -> AppointmentDatabaseException:
    """Return what becomes of it by way of SQLAlchemy."""
    error = as_appointment_error(DBAPIError("SELECT 'ann@example.com'", {}, DriverError(sqlstate)))
    assert isinstance(error, AppointmentDatabaseException)
    return error


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("40P01", "deadlock", True),
        ("40001", "serialization", True),
        ("57014", "timeout", True),
        ("55P03", "timeout", True),
        ("08006", "lost_connection", True),
        ("57P01", "lost_connection", True),
        ("57P02", "lost_connection", True),
        ("25P03", "lost_connection", True),
        ("0A000", "lost_connection", True),
        ("25006", "unavailable", True),
        ("57P03", "unavailable", True),
        ("53300", "unavailable", True),
        ("23505", "other", False),
        ("42P01", "other", False),
        ("XX999", "other", False),
        (None, "lost_connection", True),
    ],
)
def test_a_sqlstate_says_what_happened(code: str | None, kind: str, retryable: bool) -> None:  # noqa: FBT001
    """Deadlocks, time-outs and lost connections may pass; a broken rule does not, whatever its text says."""
    error = judged(code)
    assert (error.error_type, error.is_retryable(), error.is_deadlock()) == (kind, retryable, code == "40P01")
    assert error.sql_error_code == code


@pytest.mark.parametrize("code", ["40P01", "40001", "08006", "57P01"])
def test_what_the_database_undid_is_tried_again_at_once(code: str) -> None:
    """As the task does that has met it."""
    assert is_immediate(judged(code))


def test_an_error_of_the_database_tells_nothing_of_the_row() -> None:
    """The statement and the driver's text may hold personal data."""
    assert "ann@" not in str(judged("23505"))
