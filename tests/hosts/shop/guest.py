"""How the shop books: not at all before it has a guest, then with `booking-worker-client`, or with `worker` itself."""

import asyncio
import os
from typing import Any

GUEST = os.environ["GUEST"]

if GUEST == "client":
    from booking_client import AsyncBookings, BookingRequest, Bookings

    bookings = Bookings(os.environ["DATABASE_URL"], schema="bookings")
    async_bookings = AsyncBookings(os.environ["DATABASE_URL"], schema="bookings")
elif GUEST == "worker":
    from worker import BookingRequest, enqueue_booking, outcome


def request(number: int) -> "BookingRequest":
    """Return the request of an order."""
    return BookingRequest.parse(
        {
            "event_type_id": 110,
            "start": f"2030-03-01T{number:02}:00:00Z",
            "attendee": {"name": "Ann Sample", "email": "ann@example.com", "time_zone": "Europe/Berlin"},
            "idempotency_key": f"order-{number}",
        }
    )


def before_commit(number: int, connection: Any) -> None:
    """Book in the shop's own transaction, which `worker` cannot."""
    if GUEST == "client":
        bookings.enqueue(request(number), connection=connection)


async def before_async_commit(number: int, connection: Any) -> None:
    """Do the same in an event loop."""
    if GUEST == "client":
        await async_bookings.enqueue(request(number), connection=connection)


def after_commit(number: int) -> None:
    """Book, or see that the booking is there."""
    if GUEST == "worker":
        enqueue_booking(request(number))
        assert outcome(1)
    elif GUEST == "client":
        assert bookings.outcome(key=f"order-{number}").status == "pending"


async def after_async_commit(number: int) -> None:
    """Do the same in an event loop."""
    if GUEST == "client":
        assert (await async_bookings.outcome(key=f"order-{number}")).status == "pending"
    else:
        await asyncio.to_thread(after_commit, number)
