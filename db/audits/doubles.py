"""Record the cancellation of a double at Cal.com: the intent before the call, and the end after it.

An intent without an end means that nobody knows yet whether the double was cancelled; the next audit finds out.
"""

from datetime import datetime

from sqlalchemy import Connection, exists, func, insert, literal, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments import Appointment, events
from db.lifecycle import Status
from db.models.bookings import appointment_events as _events
from db.models.bookings import appointments

INTENT = "cancelling_double"
CANCELLED = "double_cancelled"
KEPT = "double_not_cancelled"

_BY = "operator"
_COLUMNS = appointments.c


def intend(conn: Connection, row: Appointment, uid: str, seat_uid: str | None, why: str, *, by: str = _BY) -> bool:
    """Record that a double is about to be cancelled; return False if its row has changed since it proved the double."""
    detail = literal({"why": why, "uid": uid, "seat": seat_uid}, JSONB)
    still = select(_COLUMNS.id, literal(INTENT), literal(by), detail).where(
        _COLUMNS.id == row.id,
        _COLUMNS.status == Status.CONFIRMED,
        _COLUMNS.calcom_booking_uid == row.calcom_booking_uid,
        _COLUMNS.calcom_seat_uid.is_not_distinct_from(row.calcom_seat_uid),
    )
    written = insert(_events).from_select(["appointment_id", "kind", "by", "detail"], still)
    return conn.execute(written.returning(_events.c.id)).first() is not None


def end(
    conn: Connection, appointment_id: int, kind: str, *, uid: str, seat_uid: str | None, why: str, by: str = _BY
) -> None:
    """Record how the cancellation of a double ended: `kind` is CANCELLED or KEPT."""
    events.record(conn, appointment_id, kind, by, {"why": why, "uid": uid, "seat": seat_uid})


def open_intents(
    conn: Connection, start: datetime, end: datetime, *, account: int = DEFAULT_ACCOUNT
) -> list[tuple[int, str, str | None]]:
    """Return booking, uid and seat of each intent without an end, of an account's bookings that are in the range."""
    later = _events.alias()
    ended = exists().where(
        later.c.appointment_id == _events.c.appointment_id,
        later.c.id > _events.c.id,
        later.c.kind.in_([CANCELLED, KEPT]),
        later.c.detail["uid"] == _events.c.detail["uid"],
        later.c.detail["seat"] == _events.c.detail["seat"],
    )
    uid, seat = _events.c.detail["uid"].astext, _events.c.detail["seat"].astext
    present_start = func.coalesce(_COLUMNS.booked_start_at, _COLUMNS.start_at)
    query = (
        select(_events.c.appointment_id, uid, seat)
        .distinct()
        .join(appointments, _COLUMNS.id == _events.c.appointment_id)
        .where(
            _events.c.kind == literal_column(f"'{INTENT}'"),
            present_start >= start,
            present_start < end,
            _COLUMNS.account_id == account,
            ~ended,
        )
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]
