"""A client books for the account that a request names; of a bulk with one that is not open nothing is kept."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool
from sqlalchemy import Engine

from booking_client import AsyncBookings, BookingRequest, Bookings, CustomerValidationException
from booking_client.asking import FIRST_PART
from db.engine import make_engine
from db.models.accounts import AccountState
from tasks.enqueue import enqueue_booking, enqueue_bookings
from tests.support.accounts.making import make_account

ROOT = Path(__file__).parents[3]
START = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


def wanted(number: int, account: str | None = None, **more: Any) -> BookingRequest:
    """Ask for a booking that differs from all others."""
    attendee = {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"}
    asked = {"event_type_id": 110, "start": START + timedelta(minutes=number), "attendee": attendee, **more}
    return BookingRequest.parse(asked if account is None else asked | {"account": account})


@pytest.fixture
def engine(database_url: str) -> Engine:
    """Connect to a migrated database."""
    return make_engine(database_url)


def numbers(database_url: str) -> list[int]:
    """Return the accounts of all rows."""
    with psycopg.connect(database_url) as conn:
        return [row[0] for row in conn.execute("SELECT account_id FROM appointments ORDER BY id")]


def test_a_request_is_kept_for_the_account_it_names(database_url: str, engine: Engine) -> None:
    """One by one and together; each account has its own keys, and asks by them for its own bookings."""
    number, name = make_account(engine)
    key = {"idempotency_key": "order-1"}
    with Bookings(database_url) as bookings:
        own = bookings.enqueue(wanted(1, **key))
        theirs, again, default = bookings.enqueue_many(
            [wanted(1, name, **key), wanted(1, name, **key), wanted(2, "default")]
        )
        found = bookings.outcome(key="order-1", account=name), bookings.outcome(key="order-1")

    assert sorted(numbers(database_url)) == [1, 1, number]
    assert [one.duplicate for one in (own, theirs, again, default)] == [False, False, True, False]  # type: ignore[union-attr]
    assert [one.appointment_id for one in found if one] == [theirs.appointment_id, own.appointment_id]


@pytest.mark.parametrize("way", ["one", "bulk", "parts", "async", "transaction"])
def test_an_account_that_is_not_open_is_an_error(database_url: str, engine: Engine, way: str) -> None:
    """A closed one, whichever way it is asked for: nothing of the bulk is kept, not even its first parts."""
    _, closed = make_account(engine, AccountState.CLOSED)
    bulk = [wanted(1), wanted(2, closed)]
    parts = [*(wanted(number) for number in range(FIRST_PART)), wanted(FIRST_PART, closed)]

    def ask() -> None:
        with Bookings(database_url) as bookings, psycopg.connect(database_url) as conn:
            if way == "one":
                bookings.enqueue(bulk[1])
            elif way == "transaction":
                bookings.enqueue(bulk[0], connection=conn)
                bookings.enqueue(bulk[1], connection=conn)
            else:
                bookings.enqueue_many(parts if way == "parts" else bulk)

    async def ask_async() -> None:
        async with AsyncBookings(database_url) as bookings:
            await bookings.enqueue_many(parts)

    with pytest.raises(CustomerValidationException) as refused:
        asyncio.run(ask_async()) if way == "async" else ask()

    assert refused.value.validation_errors == {"account": "there is no such account, or it is closed"}
    assert not refused.value.retryable
    assert numbers(database_url) == []


@pytest.mark.fresh_database
@pytest.mark.usefixtures("roles")
def test_a_caller_needs_no_right_on_the_accounts(database_url: str, engine: Engine) -> None:
    """The rights that docs/calling.md grants are enough, and no caller reads a key, not even an encrypted one."""
    number, name = make_account(engine)
    page = (ROOT / "docs" / "calling.md").read_text("utf-8")
    [grants] = re.findall(r"```sql\n(GRANT .*?)```", page, re.DOTALL)
    caller = make_conninfo(database_url, options="-c role=caller")
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(grants.replace("your_role", "caller"))

    with ConnectionPool(caller, min_size=1, open=True) as pool, Bookings(pool) as bookings:
        kept = bookings.enqueue_many([wanted(1), wanted(2, name), wanted(2, name)])
        with pool.connection() as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT encrypted_key FROM calcom_accounts")

    assert [one.duplicate for one in kept] == [False, False, True]  # type: ignore[union-attr]
    assert sorted(numbers(database_url)) == [1, number]


def test_the_product_says_the_same(settings: Callable[..., Any], database_url: str) -> None:
    """`enqueue_booking` and `enqueue_bookings`."""
    settings()
    parts = [*(wanted(number) for number in range(FIRST_PART)), wanted(FIRST_PART, "nobody")]

    for ask in (lambda: enqueue_booking(wanted(1, "nobody")), lambda: enqueue_bookings(parts)):
        with pytest.raises(CustomerValidationException, match="an account is not open"):
            ask()
    assert numbers(database_url) == []
