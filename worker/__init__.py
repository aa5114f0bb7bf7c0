"""Booking requests for Cal.com as Celery tasks: `from worker import enqueue_booking, BookingRequest`."""

from tasks.booking import (
    Conflict,
    IdempotencyConflict,
    Outcome,
    Receipt,
    enqueue_booking,
    enqueue_bookings,
    outcome,
    wait,
)
from tasks.request import BookingRequest
from worker import signals, wiring
from worker.app import app

__all__ = [
    "BookingRequest",
    "Conflict",
    "IdempotencyConflict",
    "Outcome",
    "Receipt",
    "app",
    "enqueue_booking",
    "enqueue_bookings",
    "outcome",
    "signals",
    "wait",
    "wiring",
]
