"""The client in memory answers as the real one does, call by call."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from booking_client import (
    AsyncBookings,
    Bookings,
    ChangeKind,
    ChangeStatus,
    Conflict,
    HoldReason,
    IdempotencyConflict,
    NotFirstError,
    Outcome,
    Status,
)
from booking_client.testing import FakeAsyncBookings, FakeBookings
from db.models.bookings import appointments as table
from tasks import dependencies
from tasks.maintenance.dispatch import dispatch
from tests.integration.booking_client.test_client_kept import wanted

Order = Callable[..., None]
LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("session_postgres")  # who asks for it first in mid-test asks before it is made


@pytest.fixture(params=["real", "fake"])
def client(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Order]]:
    """Hand out a client, and what makes its bookings settle: a worker's moves, or the test's orders."""
    if request.param == "fake":
        fake: FakeBookings = request.getfixturevalue("fake_bookings")
        yield fake, lambda receipt, name, *given: name != "decide" and getattr(fake, name)(receipt, *given)
        return
    record = request.getfixturevalue("record")

    request.getfixturevalue("settings")()

    def order(receipt: Any, name: str, reason: HoldReason = HoldReason.BREAKER_OPEN) -> None:
        if name == "decide":
            dispatch(dependencies.current())
            return
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


def test_the_one_in_memory_has_others_ahead_where_that_is_ordered(fake_bookings: FakeBookings) -> None:
    """Who wants to be the first is refused, and is kept once they are gone; a repeat has its receipt."""
    first = wanted(1, only_if_first=True)
    fake_bookings.put_ahead(first.start, 2)
    with pytest.raises(NotFirstError) as refused:
        fake_bookings.enqueue(first)
    behind = fake_bookings.enqueue(wanted(1))
    fake_bookings.put_ahead(first.start, 0)

    assert (refused.value.ahead, behind.ahead) == (2, 2)
    assert fake_bookings.enqueue(first).appointment_id == behind.appointment_id


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


def test_a_wish_is_decided_alike(client: tuple[Any, Order]) -> None:
    """What is booked, what is not, what has ended; the same wish again, its key for another one, and a newer one."""
    bookings, order = client
    booked, unbooked, rejected = (bookings.enqueue(wanted(n, idempotency_key=f"order-{n}")) for n in range(3))
    order(booked, "confirm")
    order(rejected, "reject")
    for booking in (booked, unbooked, rejected):
        number = booking.appointment_id
        for _ in range(2):
            bookings.reschedule(number, start=LATER, change_key="move", reason="ill")
        bookings.cancel(number, change_key="move")
        bookings.reschedule(number, start=booking.start.replace(year=2020))
        asked = bookings.cancel(key=f"order-{number - 1}")
        bookings.reschedule(number, start=LATER)
        order(booking, "decide")
        assert (asked.status, asked.final, asked.kind) == (ChangeStatus.WAITING, False, ChangeKind.CANCEL)

    def told(booking: Any) -> tuple[Status, Any, str]:
        outcome = bookings.outcome(booking.appointment_id)
        words = " ".join(f"{one.kind[0]}:{one.status}{':key' if one.change_key else ''}" for one in outcome.changes)
        return outcome.status, outcome.start, words

    assert told(booked) == (
        Status.CONFIRMED,
        booked.start,
        "r:withdrawn:key c:refused r:refused c:pending r:refused",
    )
    assert told(unbooked) == (Status.CANCELLED, LATER, "r:done:key c:refused r:refused c:done r:refused")
    assert told(rejected) == (Status.REJECTED, rejected.start, "r:refused:key c:refused r:refused c:refused r:refused")
    for wrong in (lambda: bookings.cancel(99), lambda: bookings.reschedule(key="nobody's", start=LATER)):
        with pytest.raises(LookupError, match="no booking has this id or key"):
            wrong()


def test_a_wish_is_taken_back_alike(client: tuple[Any, Order]) -> None:
    """Who asks for the booking again wants it; moved before it was booked, it answers for both its times."""
    bookings, order = client
    first, second = bookings.enqueue(wanted(1)), bookings.enqueue(wanted(2))
    order(first, "confirm")
    bookings.cancel(first.appointment_id)
    bookings.reschedule(second.appointment_id, start=LATER)
    order(first, "decide")
    again, other = bookings.enqueue(wanted(1)), bookings.enqueue(wanted(2))
    new = bookings.enqueue(wanted(2, start=LATER))

    [change] = bookings.outcome(first.appointment_id).changes
    assert (again.duplicate, change.status) == (True, ChangeStatus.WITHDRAWN)
    for one in (other, new):
        assert (one.duplicate, one.appointment_id, one.start) == (True, second.appointment_id, LATER)


def test_a_given_key_takes_nothing_back_and_a_derived_one_no_move(client: tuple[Any, Order]) -> None:
    """The same request with the same key is a read."""
    bookings, order = client
    given, derived = bookings.enqueue(wanted(1, idempotency_key="k")), bookings.enqueue(wanted(2))
    for one in (given, derived):
        order(one, "confirm")
    bookings.cancel(given.appointment_id)
    bookings.reschedule(derived.appointment_id, start=LATER)
    order(given, "decide")

    again = bookings.enqueue(wanted(1, idempotency_key="k")), bookings.enqueue(wanted(2))

    assert [one.duplicate for one in again] == [True, True]
    for one in (given, derived):
        assert [change.final for change in bookings.outcome(one.appointment_id).changes] == [False]


def test_a_change_ends_when_the_test_says_so(fake_bookings: FakeBookings) -> None:
    """Made or refused by Cal.com; a cancel is an end of the booking, which its cursor shows."""
    number = fake_bookings.enqueue(wanted(1)).appointment_id
    fake_bookings.confirm(number)
    fake_bookings.reschedule(number, start=LATER)
    moved = fake_bookings.complete_change(number)
    fake_bookings.reschedule(number, start=LATER.replace(hour=12))
    refused = fake_bookings.refuse_change(number)
    begun = fake_bookings.cursor()
    fake_bookings.cancel(number)
    cancelled = fake_bookings.complete_change(number)

    assert (moved.start, moved.status, moved.changes[0].sentence) == (
        LATER,
        Status.CONFIRMED,
        "Its move to 2031-03-05T09:00:00Z is done.",
    )
    assert (refused.start, refused.changes[1].last_error) == (LATER, "the slot is taken")
    assert cancelled.status is Status.CANCELLED
    assert [one.outcome for one in fake_bookings.settled_since(begun)] == [cancelled]
    with pytest.raises(ValueError, match="has no open change"):
        fake_bookings.complete_change(number)


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


def test_what_is_no_connection_is_refused_alike(
    client: tuple[Any, Order], fake_async_bookings: FakeAsyncBookings
) -> None:
    """A test that passes with it would hide what production refuses."""
    bookings, _ = client
    for ask in (bookings.enqueue, fake_async_bookings.orders.enqueue):
        with pytest.raises(TypeError):
            ask(wanted(1), connection=object())
    with pytest.raises(TypeError):
        asyncio.run(fake_async_bookings.enqueue(wanted(1), connection=object()))
    assert fake_async_bookings.orders.requests == []


def test_coroutines_have_their_own(fake_async_bookings: FakeAsyncBookings) -> None:
    """Its orders are given to the one without coroutines."""

    async def ask() -> list[Status]:
        receipt = await fake_async_bookings.enqueue(wanted(1))
        heard = fake_async_bookings.listen(await fake_async_bookings.cursor())
        fake_async_bookings.orders.confirm(receipt)
        told = await anext(heard)
        outcome = await fake_async_bookings.outcome(receipt.appointment_id)
        assert outcome is not None
        moved = await fake_async_bookings.reschedule(receipt.appointment_id, start=LATER)
        await fake_async_bookings.cancel(receipt.appointment_id)
        assert moved.kind is ChangeKind.RESCHEDULE
        return [told.outcome.status, outcome.status, fake_async_bookings.orders.complete_change(receipt).status]

    assert asyncio.run(ask()) == [Status.CONFIRMED, Status.CONFIRMED, Status.CANCELLED]


def test_the_columns_that_are_read_are_the_tables() -> None:
    """What the client reads of a row is there under that name."""
    from booking_client.receipts import OUTCOME_COLUMNS  # noqa: PLC0415 - no other test needs it

    assert set(OUTCOME_COLUMNS) <= set(table.c.keys())
