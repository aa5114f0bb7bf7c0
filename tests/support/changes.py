"""Cancels and moves as the record has them, without an order of anybody."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from db import appointments
from db.changes import asking
from db.changes.asking import NewChange
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus


def ask_change(
    conn: Connection, row: Any, start: datetime | None = None, status: ChangeStatus = ChangeStatus.PENDING
) -> BookingChange:
    """Ask for a cancel of a booking, or for a move to `start`."""
    new = NewChange(start_at=start, reason="a test", by="caller", via="Python")
    return asking.keep(conn, row, new, status, lead_seconds=0, now=appointments.now(conn))
