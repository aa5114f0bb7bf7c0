"""The late looks of changes: taken up when they are due, put off, and ended."""

from datetime import timedelta

from sqlalchemy import Connection, func, update

from db.changes.change import BookingChange
from db.models.changes import booking_changes
from db.sql import statement

PUT_OFF = timedelta(minutes=1), timedelta(hours=1)  # at least and at most, after a look that came to nothing

_columns = booking_changes.c


def due(conn: Connection, *, limit: int, lease: float) -> list[BookingChange]:
    """Take up the changes whose late look is due, for `lease` seconds."""
    rows = conn.execute(statement("change_late"), {"limit": limit, "lease_seconds": lease}).mappings()
    return [BookingChange.of(row) for row in rows]


def put_off(conn: Connection, change_id: int, *, oldest: timedelta) -> bool:
    """Have a change looked at later, as long after as it has been over, within bounds; return whether it is.

    False: it has been over for longer than `oldest`, and is not looked at any more.
    """
    age = func.now() - _columns.updated_at
    later = func.now() + func.least(func.greatest(age, PUT_OFF[0]), PUT_OFF[1])
    here = update(booking_changes).where(_columns.id == change_id)
    if conn.execute(here.where(age < oldest).values(late_look_at=later)).rowcount:
        return True
    conn.execute(here.values(late_look_at=None))
    return False


def end(conn: Connection, change_id: int) -> None:
    """Have a change looked at no more."""
    conn.execute(update(booking_changes).where(_columns.id == change_id).values(late_look_at=None))
