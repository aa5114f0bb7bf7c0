"""What a client keeps is a row like any other, and the answers are those of `worker`."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from booking_client import (
    AppointmentDatabaseException,
    AsyncBookings,
    BookingRequest,
    Bookings,
    Conflict,
    IdempotencyConflict,
    Status,
)
from booking_client.database.deadlines import deadline
from tests.support.servers.patience import patient_callers

ROOT = Path(__file__).parents[3]
START = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


def wanted(number: int, **more: Any) -> BookingRequest:
    """Ask for a booking that differs from all others."""
    return BookingRequest.parse(
        {
            "event_type_id": 110,
            "start": START + timedelta(minutes=number),
            "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"},
            **more,
        }
    )


@pytest.fixture
def bookings(database_url: str) -> Iterator[Bookings]:
    """Hand out a client of a migrated database without rows."""
    with Bookings(database_url) as client:
        yield client


def test_a_kept_request_is_a_pending_row_that_nobody_has_published(bookings: Bookings, record: Any) -> None:
    """Its message is the dispatcher's to send."""
    receipt = bookings.enqueue(wanted(1))
    row = record.read(receipt.appointment_id)

    assert (receipt.status, receipt.duplicate, receipt.start) == (Status.PENDING, False, START + timedelta(minutes=1))
    assert (row.status, row.enqueued_at, row.updated_at) == (Status.PENDING, None, row.created_at)


def test_the_same_request_again_gets_the_same_receipt(bookings: Bookings) -> None:
    """By a derived key and by a given one; another request with that key is a conflict, and nothing is written."""
    first, again = bookings.enqueue(wanted(1)), bookings.enqueue(wanted(1))
    given = bookings.enqueue(wanted(2, idempotency_key="order-2"))

    assert (again.appointment_id, again.duplicate) == (first.appointment_id, True)
    assert bookings.enqueue(wanted(2, idempotency_key="order-2")).appointment_id == given.appointment_id
    with pytest.raises(IdempotencyConflict):
        bookings.enqueue(wanted(3, idempotency_key="order-2"))
    assert isinstance(bookings.enqueue_many([wanted(3, idempotency_key="order-2")])[0], Conflict)


def test_a_bulk_gets_an_answer_each_in_its_order(bookings: Bookings) -> None:
    """More than a part of it, with a double in it."""
    answers = bookings.enqueue_many([*map(wanted, range(1_500)), wanted(0)])

    assert [one.duplicate for one in answers] == [False] * 1_500 + [True]  # type: ignore[union-attr]
    assert answers[0].appointment_id == answers[-1].appointment_id


def test_an_outcome_is_found_by_id_and_by_key(bookings: Bookings, record: Any) -> None:
    """The newest of a key; a key of no booking has none."""
    receipt = bookings.enqueue(wanted(1, idempotency_key="é-1"))
    row = record.claim(receipt.appointment_id)
    record.move(row, Status.CONFIRMED, calcom_booking_uid="uid-1")
    by_id, by_key = bookings.outcome(receipt.appointment_id), bookings.outcome(key="e\u0301-1")

    assert by_id is not None
    assert (by_id.status, by_id.final, by_id.calcom_booking_uid) == (Status.CONFIRMED, True, "uid-1")
    assert by_key == by_id
    assert bookings.outcome(key="nobody's") is None
    assert bookings.wait(receipt.appointment_id, 1) == by_id


def test_a_confirmed_booking_that_is_asked_for_again_says_as_of_when_that_is_known(
    bookings: Bookings, record: Any
) -> None:
    """A client asks Cal.com nothing."""
    receipt = bookings.enqueue(wanted(1))
    record.move(record.claim(receipt.appointment_id), Status.CONFIRMED, calcom_booking_uid="uid-1")
    again = bookings.enqueue(wanted(1))

    assert (again.status, again.as_of) == (Status.CONFIRMED, record.read(receipt.appointment_id).updated_at)


def test_while_others_wait_a_request_is_held_at_once(bookings: Bookings, record: Any) -> None:
    """The line's rule is the one INSERT's."""
    record.moved(Status.HELD, hold_reason="breaker_open")
    receipt = bookings.enqueue(wanted(1))

    assert (receipt.status, receipt.hold_reason) == (Status.HELD, "in_line")


def test_a_pool_of_the_callers_serves(database_url: str, record: Any) -> None:
    """Rows of its connections may be anything, and it stays the caller's."""
    with ConnectionPool(database_url, open=True, kwargs={"row_factory": psycopg.rows.dict_row}) as pool:
        bookings = Bookings(pool)
        receipts = bookings.enqueue_many([wanted(1), wanted(2)])
        bookings.close()
        assert bookings.outcome(receipts[0].appointment_id) is not None

    assert record.read(receipts[1].appointment_id).status is Status.PENDING


def test_a_pool_of_the_callers_serves_coroutines(database_url: str, record: Any) -> None:
    """Two hundred of them at once, over ten connections."""

    async def ask() -> list[int]:
        async with AsyncBookings(database_url) as bookings:
            receipts = await asyncio.gather(*(bookings.enqueue(wanted(number)) for number in range(200)))
            again = await bookings.enqueue_many([wanted(0), wanted(1)])
            assert [one.appointment_id for one in again] == [one.appointment_id for one in receipts[:2]]
            assert await bookings.wait(receipts[0].appointment_id, 0.2) == await bookings.outcome(
                receipts[0].appointment_id
            )
            return [one.appointment_id for one in receipts]

    ids = asyncio.run(ask())

    assert len(set(ids)) == 200
    assert record.read(ids[199]).status is Status.PENDING


FORKS = """
import os, sys
from booking_client import Bookings, asking
from tests.integration.booking_client.test_client_kept import wanted

asking.PATIENCE = 30.0
bookings = Bookings(sys.argv[1])
bookings.enqueue(wanted(1))
child = os.fork()
if not child:
    os._exit(bookings.enqueue(wanted(2)).appointment_id)
_, ended = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(ended), bookings.enqueue(wanted(3)).appointment_id)
"""


def test_a_child_has_connections_of_its_own(database_url: str) -> None:
    """A web server that forks after its application has asked shares no socket with its workers."""
    command = [sys.executable, "-c", FORKS, database_url]

    assert subprocess.check_output(command, cwd=ROOT, text=True, timeout=60) == "2 3\n"


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stands_still_costs_a_caller_its_patience(
    postgres: Any, database_url: str, eventually_kept: Callable[[], int]
) -> None:
    """Frozen before it is asked: what comes too late does nothing, and the caller hears that nobody knows."""
    with Bookings(database_url) as bookings:
        with patient_callers():
            bookings.enqueue(wanted(1))
        postgres.pause()
        with (
            patch("booking_client.bookings.deadline", wraps=deadline) as bounded,
            pytest.raises(AppointmentDatabaseException, match="may have kept the request"),
        ):
            bookings.enqueue(wanted(2))
        postgres.resume()

    [all_that_it_asks] = bounded.call_args_list
    assert all_that_it_asks.args[0] < 2
    assert eventually_kept() == 1


def test_no_server_is_no_receipt(unused_port: int) -> None:
    """Nothing was accepted: so it says, without the URL's password."""
    bookings = Bookings(f"postgresql://booking:secret@127.0.0.1:{unused_port}/booking")

    with pytest.raises(AppointmentDatabaseException) as raised:
        bookings.enqueue(wanted(1))

    assert raised.value.is_retryable()
    assert str(raised.value) == "Postgres cannot be reached"
