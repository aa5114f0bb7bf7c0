"""Cancels and moves as the record has them, without an order of anybody."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, update

from db import appointments
from db.changes import asking, moves
from db.changes.asking import NewChange
from db.changes.change import BookingChange, SeriesPart
from db.lifecycle import ChangeStatus
from db.models.changes import booking_changes


def ask_change(
    conn: Connection,
    row: Any,
    start: datetime | None = None,
    status: ChangeStatus = ChangeStatus.PENDING,
    *,
    part: SeriesPart | None = None,
) -> BookingChange:
    """Ask for a cancel of a booking, or of a part of its series, or for a move to `start`."""
    new = NewChange(start=start, reason="a test", by="caller", via="Python", part=part)
    return asking.keep(conn, row, new, status, lead_seconds=0, now=appointments.now(conn))


def held_change(record: Any, row: Any, wanted: datetime | None, **columns: Any) -> BookingChange:
    """Hold a change of unknown outcome until a person acts."""
    unknown = {"status": "held", "hold_reason": "suspect", "held_at": func.now(), "outcome_unknown": True, "posts": 1}
    times = {"settle_at": func.now(), "ends_at": func.now(), "may_have_moved": True, "enqueued_at": None}
    with record.engine.begin() as conn:
        one = ask_change(conn, row, wanted)
        here = booking_changes.c.id == one.id
        conn.execute(update(booking_changes).where(here).values({**unknown, **times, **columns}))
        change = moves.get(conn, one.id)
    assert change is not None
    return change


def ended_change(record: Any, row: Any, wanted: datetime | None, **columns: Any) -> None:
    """End a change as done, just now unless `updated_at` says otherwise; `row` is as it was before."""
    with record.engine.begin() as conn:
        one = ask_change(conn, row, wanted)
        done = {"status": ChangeStatus.DONE, "posts": 1, "updated_at": func.now(), "enqueued_at": None}
        conn.execute(update(booking_changes).where(booking_changes.c.id == one.id).values({**done, **columns}))


def changing(record: Any, row: Any, wanted: datetime | None = None) -> BookingChange:
    """Claim a change of a booking: its call is under way."""
    with record.engine.begin() as conn:
        one = ask_change(conn, row, wanted)
        claimed = moves.claim(conn, one.id, lease_seconds=50, released=False)
    assert claimed is not None
    return one
