"""Booking requests for Cal.com as Celery tasks: `from worker import enqueue_booking, BookingRequest`.

What is named here is loaded when it is first asked for: Celery, SQLAlchemy and the rest take most of a second, and
`booking --help` needs none of them.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from booking_client.insertion import NotFirst
    from booking_client.receipts import Conflict, IdempotencyConflict, NotFirstError, Outcome, Receipt
    from booking_client.request.model import BookingRequest
    from tasks.changes.ask.by_python import ChangeReceipt, ChangeRefusedError, cancel_booking, reschedule_booking
    from tasks.enqueue import enqueue_booking, enqueue_bookings, outcome, wait
    from tasks.host.application import app
    from tasks.slots.free import FreeSlots, free_slots
    from worker.settings.model import Settings, SettingsError
    from worker.wiring import configure

__all__ = [
    "BookingRequest",
    "ChangeReceipt",
    "ChangeRefusedError",
    "Conflict",
    "FreeSlots",
    "IdempotencyConflict",
    "NotFirst",
    "NotFirstError",
    "Outcome",
    "Receipt",
    "Settings",
    "SettingsError",
    "app",
    "cancel_booking",
    "configure",
    "enqueue_booking",
    "enqueue_bookings",
    "free_slots",
    "outcome",
    "reschedule_booking",
    "wait",
]

_HOMES = {
    "Settings": "worker.settings.model",
    "SettingsError": "worker.settings.model",
    "FreeSlots": "tasks.slots.free",
    "app": "tasks.host.application",
    "configure": "worker.wiring",
    "free_slots": "tasks.slots.free",
}
_HOMES |= dict.fromkeys(("enqueue_booking", "enqueue_bookings", "outcome", "wait"), "tasks.enqueue")
_HOMES |= dict.fromkeys(
    ("ChangeReceipt", "ChangeRefusedError", "cancel_booking", "reschedule_booking"), "tasks.changes.ask.by_python"
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for module in ("worker.signals", "worker.wiring"):  # each name can be used at once
        import_module(module)
    if name == "app" and "flower.urls" in sys.modules:
        import_module("worker.page.install").install()
    value = globals()[name] = getattr(import_module(_HOMES.get(name, "booking_client")), name)
    return value
