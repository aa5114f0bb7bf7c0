"""A call that is wrong in itself is refused before anything is sent, and its error says what to write."""

from collections.abc import Callable
from typing import Any, cast

import psycopg
import pytest

from booking_client import AppointmentDatabaseException, AsyncBookings, BookingRequest, Bookings
from booking_client import CustomerValidationException as Refused
from booking_client.asking import outcome_of, rows_of
from booking_client.database.errors import driver_errors, of_sqlstate
from booking_client.database.transactions import in_transaction
from booking_client.settled import settled_since


@pytest.mark.parametrize("client", [Bookings, AsyncBookings])
@pytest.mark.parametrize("url", ["secret", "mysql://me:secret@host/name", "postgresql://me:secret@host/name?secret=1"])
def test_a_url_that_cannot_be_read_is_refused_at_once(client: Callable[[str], object], url: str) -> None:
    """It can hold a password: the error repeats nothing of it."""
    with pytest.raises(ValueError, match="postgresql://user:password@host:port/name") as refused:
        client(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("client", [Bookings, AsyncBookings])
def test_what_lends_no_connections_is_no_database(client: Callable[[Any], object]) -> None:
    """A setting that is missing is None."""
    with pytest.raises(TypeError, match="must be a URL of PostgreSQL"):
        client(None)


def test_a_request_that_is_no_booking_request_is_refused() -> None:
    """As a dict is."""
    with pytest.raises(TypeError, match=r"BookingRequest\.parse makes one"):
        rows_of([cast("BookingRequest", {"event_type_id": 110})])


class _Engine:
    __module__ = "sqlalchemy.engine.base"

    def connect(self) -> None:
        """Connect, as an engine does."""


def test_an_engine_is_no_connection() -> None:
    """It has no transaction that could commit."""
    ask = in_transaction(_Engine())

    with pytest.raises(TypeError, match="a SQLAlchemy session or connection"):
        ask(next(settled_since(None, None)))


@pytest.mark.parametrize("wrong", ["order-1", "7", object()])
def test_an_id_that_is_no_number_is_refused(wrong: object) -> None:
    """A key is given by its name."""
    with pytest.raises(TypeError, match="as key="):
        next(outcome_of("public", cast("int", wrong)))


@pytest.mark.parametrize("wrong", ["order-1", "7", "1:2", "1:2:/x", "/1:2:/3/", "5:3:", "5:9:4", "0:1:", 5])
def test_a_cursor_that_is_none_is_refused(wrong: object) -> None:
    """Before PostgreSQL is asked."""
    with pytest.raises(ValueError, match="this is no cursor"):
        next(settled_since(cast("str", wrong), None))


@pytest.mark.parametrize("cursor", ["5:5:", "5:9:5,7", "/5:9:5,7/8/3", "1:1:/5:9:5/8/3", "", None])
def test_a_cursor_of_ours_is_taken(cursor: str | None) -> None:
    """Of a moment, and of a settled booking, the first of all included."""
    assert next(settled_since(cursor, None)).parameters


def test_an_argument_that_psycopg_refuses_is_no_lost_server() -> None:
    """The same call would fail for ever."""
    with pytest.raises(AppointmentDatabaseException) as refused, driver_errors():
        raise psycopg.ProgrammingError("cannot adapt type")
    assert not refused.value.is_retryable()


@pytest.mark.parametrize(
    ("state", "says"), [("42P01", "booking migrate"), ("42501", "right"), ("25P02", "roll it back")]
)
def test_a_refusal_says_what_to_do(state: str, says: str) -> None:
    """Where it is known."""
    assert says in str(of_sqlstate(state))


def test_a_refused_request_names_its_fields_in_a_log() -> None:
    """Without the values."""
    with pytest.raises(Refused) as refused:
        BookingRequest.parse({"event_type_id": 110, "start": "secret"})
    assert "start must be an ISO 8601 time" in str(refused.value)
    assert "attendee is missing" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert str(Refused("no")) == "no"
