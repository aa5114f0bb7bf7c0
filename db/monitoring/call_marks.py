"""Call marks: which operator has called the customer of a booking, and when; an action of `operator_actions` each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from db.sql import statement

CALLED, NOT_CALLED = "called", "not_called"  # an action that sets the mark of a booking, and one that takes it back


@dataclass(frozen=True, slots=True)
class CallMark:
    """Who called the customer of a booking, and when."""

    who: str
    at: datetime


def in_force(conn: Connection, ids: Collection[int]) -> dict[int, CallMark]:
    """Return the marks of these bookings, by the booking's id; a booking without one is missing."""
    if not ids:
        return {}
    rows = conn.execute(statement("call_marks"), {"ids": list(ids)})
    return {row.booking_id: CallMark(row.who, row.asked_at) for row in rows if row.action == CALLED}
