"""Ask booking-worker for bookings: a request is a row, kept in a transaction of its own or in the caller's.

What is named here is loaded when it is first asked for: the product's own processes need a part of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from booking_client.async_bookings import AsyncBookings
    from booking_client.bookings import Bookings
    from booking_client.errors import AppointmentDatabaseException, AppointmentException, CustomerValidationException
    from booking_client.insertion import NotFirst
    from booking_client.receipts import (
        ChangeOutcome,
        Conflict,
        IdempotencyConflict,
        NotFirstError,
        Outcome,
        Receipt,
    )
    from booking_client.request.model import Attendee, BookingRequest
    from booking_client.settled import SettledBooking
    from booking_client.states import ChangeKind, ChangeStatus, HoldReason, Status

_HOMES = {
    "AppointmentDatabaseException": "errors",
    "AppointmentException": "errors",
    "AsyncBookings": "async_bookings",
    "Attendee": "request.model",
    "BookingRequest": "request.model",
    "Bookings": "bookings",
    "ChangeKind": "states",
    "ChangeOutcome": "receipts",
    "ChangeStatus": "states",
    "Conflict": "receipts",
    "CustomerValidationException": "errors",
    "HoldReason": "states",
    "IdempotencyConflict": "receipts",
    "NotFirst": "insertion",
    "NotFirstError": "receipts",
    "Outcome": "receipts",
    "Receipt": "receipts",
    "SettledBooking": "settled",
    "Status": "states",
}

__all__ = [
    "AppointmentDatabaseException",
    "AppointmentException",
    "AsyncBookings",
    "Attendee",
    "BookingRequest",
    "Bookings",
    "ChangeKind",
    "ChangeOutcome",
    "ChangeStatus",
    "Conflict",
    "CustomerValidationException",
    "HoldReason",
    "IdempotencyConflict",
    "NotFirst",
    "NotFirstError",
    "Outcome",
    "Receipt",
    "SettledBooking",
    "Status",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
