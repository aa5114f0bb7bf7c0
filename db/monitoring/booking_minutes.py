"""Events of each minute, counted exactly once for the whole fleet, though transactions end in any order.

Ids are assigned in order, but become visible in another: an event may be committed later than its successors. So a
range of ids is counted only when every transaction that was writing when its end was read has ended
(db/sql/writers.sql). Each id is counted once, in the minute in which it was written, however late that is.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from db.models.counts import booking_minutes as _minutes
from db.models.counts import counted_bookings as _counted
from db.sql import statement

WAIT_BOUNDS = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
"""Upper bounds, in seconds, of the buckets that count confirmations by their wait; one more bucket is beyond them."""
BATCH = 20_000
"""Ids of a kind that one transaction counts: a backlog is counted bit by bit."""

_columns = _counted.c
_MINUTES = 3
_LAST_CHECK = timedelta(seconds=57.5)  # of a minute, for health checks come every five seconds


def count_on(conn: Connection, *, batch: int = BATCH) -> bool:
    """Count a batch of new rows; return whether more can be counted now.

    Counts nothing while another process counts, or while a transaction is open that was writing at the last look.
    """
    row = conn.execute(select(_counted).with_for_update(skip_locked=True)).first()
    if row is None:
        conn.execute(insert(_counted).on_conflict_do_nothing())
        return False
    if row.writers and set(row.writers) & set(conn.execute(statement("writers")).scalars()):
        return False
    events = min(row.event_id + batch, row.seen_event_id)
    bookings = min(row.appointment_id + batch, row.seen_appointment_id)
    if events > row.event_id or bookings > row.appointment_id:
        asked = {"event_after": row.event_id, "event_until": events}
        asked |= {"appointment_after": row.appointment_id, "appointment_until": bookings}
        conn.execute(statement("count_minutes"), asked | {"bounds": list(WAIT_BOUNDS)})
        conn.execute(_counted.update().values(event_id=events, appointment_id=bookings))
    if events < row.seen_event_id or bookings < row.seen_appointment_id:
        return True
    conn.execute(text(statement("look_ahead").text.replace("/* writers */", statement("writers").text)))
    return False


def keep_held(conn: Connection, held: int, now: datetime) -> None:
    """Store how many are held in the minute of a health check; the last check of a minute counts."""
    change = insert(_minutes).values(minute=func.date_trunc("minute", now), held=held)
    conn.execute(change.on_conflict_do_update(index_elements=["minute"], set_={"held": held}))


def held_before(conn: Connection, now: datetime) -> list[tuple[datetime, int]]:
    """Return how many were held at the ends of the last minutes, newest first; a minute without a check is missing."""
    minute = now.replace(second=0, microsecond=0)
    at = _minutes.c.minute
    rows = conn.execute(
        select(at, _minutes.c.held)
        .where(at >= minute - timedelta(minutes=_MINUTES), at < minute, _minutes.c.held.is_not(None))
        .order_by(at.desc())
    )
    return [(began + _LAST_CHECK, held) for began, held in rows]
