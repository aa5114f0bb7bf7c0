"""Pytest's fixtures of this package; what they hand out is loaded by the tests that take them."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from booking_client.testing import FakeAsyncBookings, FakeBookings


@pytest.fixture
def fake_bookings() -> "FakeBookings":
    """Hand out a client in memory: `confirm`, `hold` and `reject` its bookings as your test needs."""
    from booking_client.testing import FakeBookings  # noqa: PLC0415 - see above

    return FakeBookings()


@pytest.fixture
def fake_async_bookings() -> "FakeAsyncBookings":
    """Hand out an asynchronous client in memory; `.orders` takes the orders."""
    from booking_client.testing import FakeAsyncBookings  # noqa: PLC0415 - see above

    return FakeAsyncBookings()
