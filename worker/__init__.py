"""Booking requests for Cal.com as Celery tasks: `from worker import enqueue_booking, BookingRequest`.

What is named here is loaded when it is first asked for: Celery, SQLAlchemy and the rest take most of a second, and
`booking --help` needs none of them.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.dependencies import app
    from tasks.enqueue import (
        Conflict,
        IdempotencyConflict,
        Outcome,
        Receipt,
        enqueue_booking,
        enqueue_bookings,
        outcome,
        wait,
    )
    from tasks.request.model import BookingRequest

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
    "wait",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for module in ("worker.signals", "worker.wiring"):  # whoever has a name can use it
        import_module(module)
    if name == "app" and "flower.urls" in sys.modules:
        import_module("worker.page.install").install()
    home = {"app": "tasks.dependencies", "BookingRequest": "tasks.request.model"}.get(name, "tasks.enqueue")
    value = globals()[name] = getattr(import_module(home), name)
    return value
