"""How a change of a booking stands, in a sentence: what moves it on, and when."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus
from tasks.words import ago, clock

_MOVING: Mapping[ChangeStatus, str] = MappingProxyType(
    {
        ChangeStatus.WAITING: "waits until the outcome of the booking, or of the change before it, is known",
        ChangeStatus.PENDING: "waits for a worker",
        ChangeStatus.CHANGING: "is with a worker, which calls Cal.com now",
        ChangeStatus.RETRYING: "is tried again soon",
        ChangeStatus.DONE: "is done",
        ChangeStatus.REFUSED: "is refused; the booking stands as before",
        ChangeStatus.FAILED: "has failed; the booking stands as before",
        ChangeStatus.EXPIRED: "was not made in time; the booking stands as before",
        ChangeStatus.WITHDRAWN: "was withdrawn before it was sent",
    }
)


def wish_of(change: BookingChange) -> str:
    """Return what is wished."""
    return "cancel" if change.wanted is None else f"move to {clock(change.wanted)}"


def standing(change: BookingChange, now: datetime) -> str:
    """Return how a change stands: "Its cancel, asked for 3 min ago, is held (breaker_open)."."""
    state = _MOVING.get(change.status) or f"is held ({change.hold_reason})"
    if change.outcome_unknown:
        state = f"{state}; whether it is done is unknown, and is looked up first"
    said = f": {change.last_error}" if change.last_error else ""
    return f"Its {wish_of(change)}, asked for {ago(change.requested_at, now)}, {state}{said}."
