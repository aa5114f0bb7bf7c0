"""A caller of booking-worker-client, for the type checkers."""

from collections.abc import Iterator

from booking_client import (
    AppointmentDatabaseException,
    AsyncBookings,
    BookingRequest,
    Bookings,
    Conflict,
    CustomerValidationException,
    IdempotencyConflict,
    NotFirst,
    Outcome,
    Receipt,
    Status,
)
from booking_client.testing import FakeBookings


def book(bookings: Bookings, asked: dict[str, object], connection: object) -> int | str:
    """Book one, in a transaction of the caller's own."""
    try:
        receipt: Receipt = bookings.enqueue(BookingRequest.parse(asked), connection=connection)
    except CustomerValidationException as error:
        return ", ".join(error.validation_errors)
    except IdempotencyConflict as error:
        return error.conflict.appointment_id
    except AppointmentDatabaseException as error:
        return "again" if error.is_retryable() else "never"
    outcome: Outcome | None = bookings.wait(receipt.appointment_id, 2.0)
    return outcome.status.value if outcome and outcome.status is not Status.HELD else receipt.appointment_id


def book_many(bookings: Bookings, requests: list[BookingRequest]) -> list[int]:
    """Book many."""
    answers: list[Receipt | Conflict | NotFirst] = bookings.enqueue_many(requests)
    return [one.appointment_id for one in answers if not isinstance(one, NotFirst)]


async def book_async(bookings: AsyncBookings, request: BookingRequest) -> Status | None:
    """Book one in an event loop."""
    receipt = await bookings.enqueue(request)
    outcome = await bookings.outcome(receipt.appointment_id)
    return outcome.status if outcome else None


def follow(bookings: Bookings) -> Iterator[int]:
    """Yield what settles."""
    for settled in bookings.listen(bookings.cursor()):
        yield settled.outcome.appointment_id


def fake(request: BookingRequest) -> Outcome:
    """Book in memory."""
    bookings = FakeBookings()
    return bookings.confirm(bookings.enqueue(request))
