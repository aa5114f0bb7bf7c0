"""What an audit reads of the record, and how a cancellation at Cal.com is written down: before it, and after."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, exists, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from db.appointment import Appointment
from db.lifecycle import Status
from db.schema import appointment_events as _events
from db.schema import appointments

# The story of a double: an intent without an end means that nobody knows yet, and the next audit finds out.
INTENT = "cancelling_double"
CANCELLED = "double_cancelled"
KEPT = "double_not_cancelled"

_COLUMNS = appointments.c
_BATCH = 500


def now(conn: Connection) -> datetime:
    """Return Postgres's time."""
    moment: datetime = conn.execute(select(func.now())).scalar_one()
    return moment


def confirmed_between(conn: Connection, start: datetime, end: datetime) -> Iterator[Appointment]:
    """Yield the confirmed bookings that start from `start` until before `end`, a batch in memory at a time."""
    after = 0
    wanted = (_COLUMNS.status == Status.CONFIRMED, _COLUMNS.start_at >= start, _COLUMNS.start_at < end)
    while True:
        query = select(appointments).where(*wanted, _COLUMNS.id > after).order_by(_COLUMNS.id).limit(_BATCH)
        rows = conn.execute(query).mappings().all()
        yield from map(Appointment.of, rows)
        if len(rows) < _BATCH:
            return
        after = rows[-1]["id"]


def by_references(conn: Connection, references: Collection[str]) -> Iterator[Appointment]:
    """Yield the bookings, in whatever state, whose uuids Cal.com showed as references."""
    uuids = [UUID(reference) for reference in references]
    for first in range(0, len(uuids), _BATCH):
        query = select(appointments).where(_COLUMNS.uuid.in_(uuids[first : first + _BATCH])).order_by(_COLUMNS.id)
        yield from map(Appointment.of, conn.execute(query).mappings().all())


def intend(conn: Connection, row: Appointment, uid: str, seat_uid: str | None, why: str) -> bool:
    """Write down that a double is about to be cancelled; False when the row is no longer what proved it a double."""
    told = literal({"why": why, "uid": uid, "seat": seat_uid}, JSONB)
    still = select(_COLUMNS.id, literal(INTENT), literal("operator"), told).where(
        _COLUMNS.id == row.id,
        _COLUMNS.status == Status.CONFIRMED,
        _COLUMNS.calcom_booking_uid == row.calcom_booking_uid,
        _COLUMNS.calcom_seat_uid.is_not_distinct_from(row.calcom_seat_uid),
    )
    written = insert(_events).from_select(["appointment_id", "kind", "by", "detail"], still)
    return conn.execute(written.returning(_events.c.id)).first() is not None


def open_intents(conn: Connection, start: datetime, end: datetime) -> list[tuple[int, str, str | None]]:
    """Return booking, uid and seat of every cancellation in the range whose end was never written down."""
    later = _events.alias()
    ended = exists().where(
        later.c.appointment_id == _events.c.appointment_id,
        later.c.id > _events.c.id,
        later.c.kind.in_([CANCELLED, KEPT]),
        later.c.detail["uid"] == _events.c.detail["uid"],
        later.c.detail["seat"] == _events.c.detail["seat"],
    )
    uid, seat = _events.c.detail["uid"].astext, _events.c.detail["seat"].astext
    query = (
        select(_events.c.appointment_id, uid, seat)
        .distinct()
        .join(appointments, _COLUMNS.id == _events.c.appointment_id)
        .where(_events.c.kind == INTENT, _COLUMNS.start_at >= start, _COLUMNS.start_at < end, ~ended)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]
