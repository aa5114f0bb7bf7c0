"""What an audit reads of the record, and how a cancellation at Cal.com is written down: before it, and after."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, exists, func, insert, literal, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from db.appointments.appointment import Appointment
from db.lifecycle import HoldReason, Status
from db.schema import appointment_events as _events
from db.schema import appointments
from db.sql import statement

# The story of a double: an intent without an end means that nobody knows yet, and the next audit finds out.
INTENT = "cancelling_double"
CANCELLED = "double_cancelled"
KEPT = "double_not_cancelled"

_COLUMNS = appointments.c
_BATCH = 500
_EVER = datetime.max.replace(tzinfo=UTC)


def now(conn: Connection) -> datetime:
    """Return Postgres's time."""
    moment: datetime = conn.execute(select(func.now())).scalar_one()
    return moment


def confirmed_between(conn: Connection, start: datetime, end: datetime) -> Iterator[Appointment]:
    """Yield the confirmed bookings that start from `start` until before `end`, a batch in memory at a time."""
    return _batches(conn, "audit_confirmed", start, end)


def ended_unknown_between(conn: Connection, start: datetime, end: datetime) -> Iterator[Appointment]:
    """Yield the bookings of a range that ended, not confirmed, after their outcome had once been unknown."""
    return _batches(conn, "audit_ended", start, end)


def held_unknown_between(conn: Connection, start: datetime, end: datetime) -> list[Appointment]:
    """Return the bookings of a range whose outcome is unknown and that no worker finds out by itself: few, and held."""
    waiting = (
        _COLUMNS.status == literal_column("'held'"),
        _COLUMNS.hold_reason.in_([HoldReason.BLIND_KEY, HoldReason.SUSPECT]),
        _COLUMNS.sent_at.is_not(None),
    )
    query = select(appointments).where(*waiting, _COLUMNS.start_at >= start, _COLUMNS.start_at < end)
    return [Appointment.of(row) for row in conn.execute(query.order_by(_COLUMNS.id)).mappings()]


def once_unknown(conn: Connection) -> Iterator[Appointment]:
    """Yield all kept bookings that were told "not booked" after their outcome had once been unknown, by their start."""
    found = _batches(conn, "audit_ended", datetime.min.replace(tzinfo=UTC), _EVER)
    return (row for row in found if row.status is not Status.CANCELLED)


def by_references(conn: Connection, references: Collection[str]) -> Iterator[Appointment]:
    """Yield the bookings, in whatever state, whose uuids Cal.com showed as references."""
    uuids = [UUID(reference) for reference in references]
    for first in range(0, len(uuids), _BATCH):
        query = select(appointments).where(_COLUMNS.uuid.in_(uuids[first : first + _BATCH])).order_by(_COLUMNS.id)
        yield from map(Appointment.of, conn.execute(query).mappings().all())


def _batches(conn: Connection, name: str, start: datetime, end: datetime) -> Iterator[Appointment]:
    after: tuple[datetime, int] = (start, 0)
    while True:
        asked = {"after_at": after[0], "after_id": after[1], "end": end, "limit": _BATCH}
        rows = conn.execute(statement(name), asked).mappings().all()
        yield from map(Appointment.of, rows)
        if len(rows) < _BATCH:
            return
        after = (rows[-1]["start_at"], rows[-1]["id"])


def intend(conn: Connection, row: Appointment, uid: str, seat_uid: str | None, why: str) -> bool:
    """Write down that a double is about to be cancelled; False when the row is no longer what proved it a double."""
    detail = literal({"why": why, "uid": uid, "seat": seat_uid}, JSONB)
    still = select(_COLUMNS.id, literal(INTENT), literal("operator"), detail).where(
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
        .where(
            _events.c.kind == literal_column(f"'{INTENT}'"), _COLUMNS.start_at >= start, _COLUMNS.start_at < end, ~ended
        )
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]
