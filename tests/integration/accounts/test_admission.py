"""A message that could not be stored takes nothing from its account's pace: the next one goes at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from booking_client import Bookings
from resilience.exceptions import AppointmentException
from tasks import dependencies
from tasks.maintenance.dispatch import dispatch
from tests.integration.accounts.test_lines import PENDING, THROTTLED, ask, stands
from tests.support.fleet import request


@contextmanager
def nothing_written() -> Iterator[None]:
    """Have Postgres refuse each write of a booking."""
    engine = dependencies.current().engine
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE appointments ADD CONSTRAINT shut CHECK (false) NOT VALID"))
    yield
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE appointments DROP CONSTRAINT shut"))


@pytest.mark.usefixtures("slow")
def test_what_was_not_stored_takes_no_message() -> None:
    """Its caller asks again, and is not put behind itself."""
    with nothing_written(), pytest.raises(AppointmentException):
        ask([0])

    assert stands(ask([0, 1])) == {PENDING: 1, THROTTLED: 1}


@pytest.mark.usefixtures("slow")
def test_what_was_not_taken_up_takes_no_message(database_url: str) -> None:
    """The next run of the dispatcher sends it."""
    with Bookings(database_url) as bookings:
        kept = bookings.enqueue_many([request(n, account="salon-7") for n in range(2)])

    with nothing_written(), pytest.raises(SQLAlchemyError):
        dispatch(dependencies.current())

    assert dispatch(dependencies.current()) == 2
    assert stands([one.appointment_id for one in kept]) == {PENDING: 1, THROTTLED: 1}  # type: ignore[union-attr]
