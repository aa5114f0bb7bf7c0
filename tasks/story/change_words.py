"""How a change of a booking stands, in a sentence: what moves it on, and when."""

from datetime import datetime

from booking_client.states import CHANGE_WORDS
from db.changes.change import BookingChange
from tasks.operations.change_words import wish_of
from tasks.words import ago


def standing(change: BookingChange, now: datetime) -> str:
    """Return how a change stands: "Its cancel, asked for 3 min ago, is held (breaker_open)."."""
    held = f" ({change.hold_reason})" if change.hold_reason else ""
    state = f"{CHANGE_WORDS[change.status]}{held}"
    if change.outcome_unknown:
        state = f"{state}; whether it is done is unknown, and is looked up first"
    said = f": {change.last_error}" if change.last_error else ""
    return f"Its {wish_of(change)}, asked for {ago(change.requested_at, now)}, {state}{said}."
