"""The client in memory answers as the real one does, call by call."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from booking_client import AsyncBookings, Bookings, Conflict, HoldReason, IdempotencyConflict, Outcome, Status
from booking_client.testing import FakeAsyncBookings, FakeBookings
from db.models.bookings import appointments as table
from tests.integration.booking_client.test_client_kept import wanted

Order = Callable[..., None]


@pytest.fixture(params=["real", "fake"])
def client(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Order]]:
    """Hand out a client, and what makes its bookings settle: a worker's moves, or the test's orders."""
    if request.param == "fake":
        fake: FakeBookings = request.getfixturevalue("fake_bookings")
        yield fake, lambda receipt, name, *given: getattr(fake, name)(receipt, *given)
        return
    record = request.getfixturevalue("record")

    def order(receipt: Any, name: str, reason: HoldReason = HoldReason.BREAKER_OPEN) -> None:
        row = record.claim(receipt.appointment_id)
        moves: dict[str, tuple[Status, dict[str, Any]]] = {
            "confirm": (Status.CONFIRMED, {"calcom_booking_uid": f"fake-uid-{row.id}"}),
            "hold": (Status.HELD, {"hold_reason": reason}),
            "reject": (Status.REJECTED, {"last_error": "the slot is taken"}),
        }
        to, changes = moves[name]
        assert record.move(row, to, why="", **changes)

    with Bookings(request.getfixturevalue("database_url")) as bookings:
        yield bookings, order


def test_they_have_the_same_calls() -> None:
    """With the same arguments: what a program calls, its tests can call."""
    for real, fake in ((Bookings, FakeBookings), (AsyncBookings, FakeAsyncBookings)):
        names = [name for name, member in vars(real).items() if callable(member) and not name.startswith("_")]
        assert names
        for name in names:
            assert inspect.signature(getattr(fake, name)) == inspect.signature(getattr(real, name)), name


def test_a_request_is_kept_once(client: tuple[Any, Order]) -> None:
    """By its derived key while that is in force, by a given key for ever."""
    bookings, order = client
    first, again = bookings.enqueue(wanted(1)), bookings.enqueue(wanted(1))
    given = bookings.enqueue(wanted(2, idempotency_key="order-2"))
    order(first, "reject")
    order(given, "reject")
    repeated, same = bookings.enqueue(wanted(1)), bookings.enqueue(wanted(2, idempotency_key="order-2"))

    assert (again.appointment_id, again.duplicate, again.task_id) == (first.appointment_id, True, first.task_id)
    assert (repeated.appointment_id != first.appointment_id, repeated.duplicate) == (True, False)
    assert (same.appointment_id, same.status, same.duplicate) == (given.appointment_id, Status.REJECTED, True)
    with pytest.raises(IdempotencyConflict):
        bookings.enqueue(wanted(3, idempotency_key="order-2"))
    assert bookings.enqueue_many([wanted(3, idempotency_key="order-2")]) == [
        Conflict(given.appointment_id, "order-2"),
    ]


def test_an_outcome_is_what_was_ordered(client: tuple[Any, Order]) -> None:
    """By id and by key; what is not there has none."""
    bookings, order = client
    confirmed, held, rejected = (bookings.enqueue(wanted(n, idempotency_key=f"order-{n}")) for n in range(3))
    order(confirmed, "confirm")
    order(held, "hold", HoldReason.THROTTLED)
    order(rejected, "reject")

    def told(one: Outcome | None) -> tuple[Any, ...]:
        assert one is not None
        return one.status, one.final, one.calcom_booking_uid, one.hold_reason, one.last_error

    assert told(bookings.outcome(confirmed.appointment_id)) == (
        Status.CONFIRMED,
        True,
        f"fake-uid-{confirmed.appointment_id}",
        None,
        None,
    )
    assert told(bookings.outcome(key="order-1")) == (Status.HELD, False, None, HoldReason.THROTTLED, None)
    assert told(bookings.wait(rejected.appointment_id, 1)) == (
        Status.REJECTED,
        True,
        None,
        None,
        "the slot is taken",
    )
    assert bookings.enqueue(wanted(0, idempotency_key="order-0")).as_of is not None
    assert (bookings.outcome(99), bookings.outcome(key="nobody's")) == (None, None)
    with pytest.raises(TypeError, match="give appointment_id or key"):
        bookings.outcome()


def test_what_settles_comes_after_its_cursor(client: tuple[Any, Order]) -> None:
    """In pages, and to who listens; a held booking has not settled."""
    bookings, order = client
    begun = bookings.cursor()
    first, held, second = (bookings.enqueue(wanted(number)) for number in range(3))
    order(second, "confirm")
    order(held, "hold")
    order(first, "reject")
    [page] = bookings.settled_since(begun, limit=1)
    heard = bookings.listen(page.cursor)

    assert page.outcome.appointment_id == second.appointment_id
    assert next(heard).outcome.appointment_id == first.appointment_id
    assert [one.outcome.status for one in bookings.settled_since()] == [Status.CONFIRMED, Status.REJECTED]
    heard.close()


def test_coroutines_have_their_own(fake_async_bookings: FakeAsyncBookings) -> None:
    """Its orders are given to the one without coroutines."""

    async def ask() -> list[Status]:
        receipt = await fake_async_bookings.enqueue(wanted(1))
        heard = fake_async_bookings.listen(await fake_async_bookings.cursor())
        fake_async_bookings.orders.confirm(receipt)
        told = await anext(heard)
        outcome = await fake_async_bookings.outcome(receipt.appointment_id)
        assert outcome is not None
        return [told.outcome.status, outcome.status]

    assert asyncio.run(ask()) == [Status.CONFIRMED, Status.CONFIRMED]


def test_the_columns_that_are_read_are_the_tables() -> None:
    """What the client reads of a row is there under that name."""
    from booking_client.receipts import OUTCOME_COLUMNS  # noqa: PLC0415 - no other test needs it

    assert set(OUTCOME_COLUMNS) <= set(table.c.keys())
