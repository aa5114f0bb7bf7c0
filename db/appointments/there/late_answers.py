"""Bookings that Cal.com turns out to have after their rows have moved on: positive evidence wins at any time."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from db.appointments import events
from db.appointments.moves import KeyTakenError, move
from db.appointments.there.places import BookedThere
from db.lifecycle import Status
from db.sql import statement

TOLD_NOT_BOOKED = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})


def record_late_uid(
    conn: Connection,
    appointment_id: int,
    there: BookedThere,
    *,
    why: str = "a late 201",
    by: str = "worker",
    detail: Mapping[str, Any] | None = None,
) -> Status | None:
    """Record the booking of a 201, a look or an audit that came late; return the status the row had, None for no row.

    A held, failed, rejected or expired row is confirmed by it, and of the last three an event `told_not_booked` makes
    an incident: somebody must be called. A row that is pending, booking or retrying carries the uid to its next claim,
    a cancelled one for the audit. The uid of a confirmed row stays (it may be another one: the event tells both).
    `detail` is what the event tells beside that, as `move`'s.
    """
    found = {"appointment_id": appointment_id, **asdict(there)}
    told = {"by": by, "detail": Jsonb(dict(detail or {}))}
    row = conn.execute(statement("late_uid"), found | told).first()
    if row is None:
        return None
    had = Status(row.status)
    moved = had in TOLD_NOT_BOOKED | {Status.HELD} and _confirm(conn, appointment_id, had, why=why, by=by)
    # Told again only when it is news: an audit may find the same booking day after day beside a newer one of its key.
    if had in TOLD_NOT_BOOKED and (moved or row.is_new):
        events.record(
            conn, appointment_id, events.TOLD_NOT_BOOKED, by, {"was": had.value, "uid": there.uid, "why": why}
        )
    if had is Status.CANCELLED and row.is_new:
        events.record(conn, appointment_id, events.CANCEL_THERE, by, {"uid": there.uid, "why": why})
    return had


def _confirm(conn: Connection, appointment_id: int, had: Status, *, why: str, by: str) -> bool:
    try:
        return move(conn, appointment_id, had, Status.CONFIRMED, why=why, by=by)
    except KeyTakenError:
        return False  # asked for again, and that one lives: two bookings, which the audit must tell
