"""The client in memory of programs with an event loop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Self

from booking_client.database.transactions import in_async_transaction
from booking_client.receipts import Answer, ChangeOutcome, Outcome, Receipt
from booking_client.request.model import BookingRequest
from booking_client.settled import LIMIT, SettledBooking
from booking_client.testing.bookings import FakeBookings


class FakeAsyncBookings:
    """Stand for `AsyncBookings`; orders go to `.orders`, a FakeBookings with the same bookings."""

    def __init__(self, orders: FakeBookings | None = None) -> None:
        self.orders = orders or FakeBookings()

    async def enqueue(self, request: BookingRequest, *, connection: Any = None) -> Receipt:
        """Keep a request, as `AsyncBookings.enqueue`."""
        _require_known(connection)
        return self.orders.enqueue(request)

    async def enqueue_many(self, requests: Sequence[BookingRequest], *, connection: Any = None) -> list[Answer]:
        """Keep requests, as `AsyncBookings.enqueue_many`."""
        _require_known(connection)
        return self.orders.enqueue_many(requests)

    async def outcome(
        self, appointment_id: int | None = None, *, key: str | None = None, account: str | None = None
    ) -> Outcome | None:
        """Return how a booking stands, as `AsyncBookings.outcome`."""
        return self.orders.outcome(appointment_id, key=key, account=account)

    async def cancel(
        self,
        appointment_id: int | None = None,
        *,
        key: str | None = None,
        account: str | None = None,
        reason: str | None = None,
        change_key: str | None = None,
        connection: Any = None,
    ) -> ChangeOutcome:
        """Store a wish, as `AsyncBookings.cancel`."""
        _require_known(connection)
        which = {"key": key, "account": account}
        return self.orders.cancel(appointment_id, **which, reason=reason, change_key=change_key)

    async def reschedule(
        self,
        appointment_id: int | None = None,
        *,
        start: datetime,
        key: str | None = None,
        account: str | None = None,
        reason: str | None = None,
        change_key: str | None = None,
        connection: Any = None,
    ) -> ChangeOutcome:
        """Store a wish, as `AsyncBookings.reschedule`."""
        _require_known(connection)
        which = {"key": key, "account": account}
        return self.orders.reschedule(appointment_id, start=start, **which, reason=reason, change_key=change_key)

    async def wait(self, appointment_id: int, seconds: float, *, poll: float = 0.1) -> Outcome | None:
        """Return how a booking stands, at once: your test says when it settles."""
        return self.orders.wait(appointment_id, seconds, poll=poll)

    async def cursor(self) -> str:
        """Return the cursor of this moment."""
        return self.orders.cursor()

    async def settled_since(self, cursor: str | None = None, *, limit: int = LIMIT) -> list[SettledBooking]:
        """Return what has settled since a cursor, as `AsyncBookings.settled_since`."""
        return self.orders.settled_since(cursor, limit=limit)

    async def listen(self, cursor: str | None = None, *, every: float = 5.0) -> AsyncIterator[SettledBooking]:
        """Yield bookings as they settle, as `AsyncBookings.listen`."""
        cursor = cursor or self.orders.cursor()
        while True:
            for settled in self.orders.settled_since(cursor):
                cursor = settled.cursor
                yield settled
            await asyncio.sleep(min(every, 0.01))

    async def close(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _require_known(connection: Any) -> None:
    """Raise TypeError for what `AsyncBookings` would not take as a connection."""
    if connection is not None:
        in_async_transaction(connection)
