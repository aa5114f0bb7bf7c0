"""Book in a caller's own transaction, in one that is undone, and in an event loop: given a URL and a prefix of keys."""

import asyncio
import sys

import psycopg

from booking_client import AsyncBookings, BookingRequest, Bookings
from booking_client.testing import FakeBookings


def request(key: str) -> BookingRequest:
    """Return a request by its key."""
    return BookingRequest.parse(
        {
            "event_type_id": 110,
            "start": "2030-03-01T09:00:00+01:00",
            "attendee": {"name": "Pat Example", "email": f"{key}@example.com", "time_zone": "Europe/Berlin"},
            "idempotency_key": key,
        }
    )


def main(url: str, prefix: str) -> None:
    """Book."""
    with Bookings(url) as bookings, psycopg.connect(url) as connection:
        bookings.enqueue(request(f"{prefix}-kept"), connection=connection)
        connection.commit()
        bookings.enqueue(request(f"{prefix}-undone"), connection=connection)
        connection.rollback()
        assert bookings.outcome(key=f"{prefix}-kept") is not None
        assert bookings.outcome(key=f"{prefix}-undone") is None
    asyncio.run(in_a_loop(url, prefix))
    fake = FakeBookings()
    fake.confirm(fake.enqueue(request(prefix)))


async def in_a_loop(url: str, prefix: str) -> None:
    """Book in an event loop."""
    async with AsyncBookings(url) as bookings:
        receipt = await bookings.enqueue(request(f"{prefix}-async"))
        assert await bookings.outcome(receipt.appointment_id) is not None


if __name__ == "__main__":
    main(*sys.argv[1:])
