"""The errors of an appointment: each says what it was, and whether trying again may help."""

import json
import pickle

import pytest

from booking_client import correlation
from resilience.exceptions import (
    AppointmentDatabaseException,
    AppointmentException,
    CalcomBookingException,
    CustomerValidationException,
)

ONE_OF_EACH = [
    AppointmentException("broken", context={"attempt": 2}, retryable=True),
    CalcomBookingException("no", http_status=429, calcom_error="ThrottlerException", retry_after=12.5),
    CustomerValidationException("bad", validation_errors={"attendee.email": ["is missing", "is blank"]}),
    AppointmentDatabaseException("deadlock", sql_error_code="40P01", correlation_id="call-7"),
]


def test_an_error_always_has_a_correlation_id() -> None:
    """The given id, else the bound one, else a new one."""
    assert AppointmentException("x", correlation_id="given").correlation_id == "given"
    with correlation.bound("bound"):
        assert AppointmentException("x").correlation_id == "bound"
    assert AppointmentException("x").correlation_id != AppointmentException("x").correlation_id


def test_an_error_is_not_retried_unless_it_says_so() -> None:
    """Silence means: do not ask again."""
    assert not AppointmentException("x").is_retryable()
    assert AppointmentException("x", retryable=True).is_retryable()


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(None, True), (429, True), (500, True), (503, True), (599, True), (400, False), (401, False), (404, False)],
)
def test_cal_coms_status_says_whether_to_ask_again(status: int | None, retryable: bool) -> None:  # noqa: FBT001
    """429, 5xx and silence may pass; a refusal stays one."""
    assert CalcomBookingException("x", http_status=status).is_retryable() is retryable


def test_who_knows_more_than_the_status_decides() -> None:
    """A 400 that hides a database fault is transient (docs/calcom.md, row 9)."""
    assert CalcomBookingException("x", http_status=400, retryable=True).is_retryable()
    assert not CalcomBookingException("x", http_status=500, retryable=False).is_retryable()


def test_a_validation_error_names_its_fields() -> None:
    """A caller can show each field its reason; it is never retried."""
    error = CustomerValidationException("bad", validation_errors={"start": "is in the past", "name": ["a", "b"]})
    assert error.get_field_error("start") == "is in the past"
    assert error.get_field_error("name") == "a; b"
    assert (error.has_field_error("start"), error.has_field_error("end")) == (True, False)
    assert error.get_field_error("end") is None
    assert not error.is_retryable()


def test_a_database_error_without_a_sqlstate_goes_by_its_name() -> None:
    """A driver that lost its connection has no SQLSTATE to show."""
    assert AppointmentDatabaseException("x", error_type="lost_connection").is_retryable()
    assert AppointmentDatabaseException("x", error_type="deadlock").is_deadlock()


@pytest.mark.parametrize("code", ["1213", "XX999", ""])
def test_an_unknown_code_leaves_the_name_its_word(code: str) -> None:
    """The sign-off's own example: a deadlock, with the number that MySQL gives it."""
    error = AppointmentDatabaseException("Deadlock detected", error_type="deadlock", sql_error_code=code)
    assert (error.is_retryable(), error.is_deadlock(), error.error_type) == (True, True, "deadlock")
    assert error.to_dict()["sql_error_code"] == code


@pytest.mark.parametrize("code", ["23505", "42P01"])
def test_a_sqlstate_knows_better_than_a_name(code: str) -> None:
    """A broken constraint that is named a deadlock is none, and nothing to try again."""
    error = AppointmentDatabaseException("x", error_type="deadlock", sql_error_code=code)
    assert (error.is_retryable(), error.is_deadlock()) == (False, False)


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_whole(error: AppointmentException) -> None:
    """Celery's prefork pool sends errors between processes: same id, same evidence."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is type(error)
    assert (str(copy), copy.to_dict()) == (str(error), error.to_dict())
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("kind", [type(error) for error in ONE_OF_EACH])
def test_an_error_tells_the_log_nothing_about_a_person(kind: type[AppointmentException]) -> None:
    """No address, number, name or key, neither in the message nor in the context."""
    context = {"attendee": {"name": "Ann Fake"}, "api_key": "cal_live_1", "note": "ann@example.test", "attempt": 1}
    error = kind("ann@example.test called from +1 202 555 0143", correlation_id="correlation", context=context)
    told = json.dumps(error.to_dict())  # an id by chance might hold the very digits
    assert not [word for word in ("Ann", "example.test", "555", "cal_live") if word in told]
    assert '"attempt": 1' in told
