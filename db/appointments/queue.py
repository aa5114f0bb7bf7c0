"""The queue of bookings that wait for the breaker or the rate limit, and how they leave it: in order, gently."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, literal, select

from db.appointments.appointment import Appointment
from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments
from db.sql import statement

PACED = (HoldReason.BREAKER_OPEN, HoldReason.THROTTLED)
QUEUED = (*PACED, HoldReason.IN_LINE)
"""The reasons of all that is in the queue, as they are shown."""


def backlog_reason(conn: Connection) -> HoldReason | None:
    """Return what queued bookings wait for; None: none waits. The breaker comes before the limit."""
    held = select(literal(1)).where(appointments.c.status == Status.HELD)
    waits = [exists(held.where(appointments.c.hold_reason == reason)) for reason in PACED]
    found = conn.execute(select(*waits)).one()
    return next((reason for reason, waiting in zip(PACED, found, strict=True) if waiting), None)


def waiting(conn: Connection, limit: int, *, postable: bool) -> list[tuple[int, datetime]]:
    """Return the ids at the head of the queue, each with its place; `postable` leaves out those that need a look first.

    Their order is not always that of their places: see waiting.sql.
    """
    found = conn.execute(statement("waiting"), {"limit": limit, "postable": postable})
    return [(row.id, row.line_at) for row in found]


def release_these(conn: Connection, ids: Sequence[int]) -> list[Appointment]:
    """Move these from held to pending, those excepted that have moved on; return them in the order of the line."""
    rows = conn.execute(statement("release_these"), {"ids": list(ids)}).mappings()
    return [Appointment.of(row) for row in rows]


def flag_degraded(conn: Connection, *, max_age_seconds: float, limit: int) -> Collection[int]:
    """Flag what has been held for longer, once; return the ids."""
    return list(
        conn.execute(statement("flag_degraded"), {"max_age_seconds": max_age_seconds, "limit": limit}).scalars()
    )
