"""A client in memory for your own tests: the same calls and answers, no server; bookings settle when you say so.

With pytest, take the fixture `fake_bookings` or `fake_async_bookings`; the package brings both.
"""

from booking_client.testing.async_bookings import FakeAsyncBookings
from booking_client.testing.bookings import FakeBookings

__all__ = ["FakeAsyncBookings", "FakeBookings"]
