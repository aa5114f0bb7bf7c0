"""A lock that another transaction holds is said to be one: Postgres was reached, and nothing is kept."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from booking_client import AppointmentDatabaseException, Bookings
from tests.support.fleet import request
from worker import enqueue_booking


@pytest.fixture
def locked(bookings: Bookings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Have another transaction keep the same request, and stay open; one waits for its lock for six of nine seconds."""
    monkeypatch.setattr("booking_client.asking.PATIENCE", 9.0)
    with psycopg.connect(database_url) as other:
        bookings.enqueue(request(1), connection=other)
        yield other
        other.rollback()


@pytest.mark.parametrize("door", ["a client", "a worker's code"])
def test_a_lock_of_another_transaction_is_said_to_be_one(
    locked: psycopg.Connection, bookings: Bookings, door: str
) -> None:
    """Not that Postgres cannot be reached, nor that the request may be kept; after the other's end it is kept."""
    enqueue: Callable[..., object] = bookings.enqueue if door == "a client" else enqueue_booking
    with pytest.raises(AppointmentDatabaseException) as refused:
        enqueue(request(1))
    assert (refused.value.sql_error_code, refused.value.perhaps_kept) == ("55P03", False)
    assert "another transaction holds a lock" in str(refused.value)
    assert refused.value.is_retryable()
    locked.rollback()
    enqueue(request(1))


def test_a_callers_own_transaction_keeps_its_own_time_out(bookings: Bookings, database_url: str) -> None:
    """It is his, before and after."""
    with psycopg.connect(database_url) as own:
        own.execute("SET lock_timeout = '77ms'")
        bookings.enqueue(request(1), connection=own)
        assert own.execute("SHOW lock_timeout").fetchone() == ("77ms",)
