"""Read the bookings that an audit judges: those of one account. A confirmed one is judged on the day where it is."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, TextClause, and_, func, literal_column, select, text, tuple_, union

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments.appointment import Appointment
from db.audits.changes import ended_within
from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments
from db.models.changes import booking_changes

_COLUMNS = appointments.c
_BATCH = 500
# To the letter what the partial indexes `booked_start` and `ended_unknown` have: else these do not serve.
_PRESENT_START = func.coalesce(_COLUMNS.booked_start_at, _COLUMNS.start_at)
_CONFIRMED = text("status = 'confirmed'")
_ENDED_UNKNOWN = text("status IN ('rejected', 'failed', 'expired', 'cancelled') AND sent_at IS NOT NULL")


def confirmed_between(
    conn: Connection, start: datetime, end: datetime, *, account: int = DEFAULT_ACCOUNT
) -> Iterator[Appointment]:
    """Yield the confirmed bookings that are at Cal.com from `start` until before `end`, a batch in memory at a time."""
    return _batches(conn, _CONFIRMED, _PRESENT_START, start, end, account)


def ended_unknown_between(
    conn: Connection, start: datetime, end: datetime, *, account: int = DEFAULT_ACCOUNT
) -> Iterator[Appointment]:
    """Yield the bookings of a range that ended unconfirmed after their outcome had once been unknown."""
    return _batches(conn, _ENDED_UNKNOWN, _COLUMNS.start_at, start, end, account)


def held_unknown_between(
    conn: Connection, start: datetime, end: datetime, *, account: int = DEFAULT_ACCOUNT
) -> list[Appointment]:
    """Return the held bookings of a range whose unknown outcome no worker finds out by itself; they are few."""
    waiting = (
        _COLUMNS.status == literal_column("'held'"),
        _COLUMNS.hold_reason.in_([HoldReason.BLIND_KEY, HoldReason.SUSPECT]),
        _COLUMNS.sent_at.is_not(None),
        _COLUMNS.account_id == account,
    )
    query = select(appointments).where(*waiting, _COLUMNS.start_at >= start, _COLUMNS.start_at < end)
    return [Appointment.of(row) for row in conn.execute(query.order_by(_COLUMNS.id)).mappings()]


def accounts_between(conn: Connection, start: datetime, end: datetime, *, lag: timedelta) -> list[int]:
    """Return the accounts that have bookings of a range which an audit judges, or changes; `default` is the first.

    The changes ended by `lag` earlier than the range.
    """
    held = and_(
        _COLUMNS.status == literal_column("'held'"),
        _COLUMNS.hold_reason.in_([HoldReason.BLIND_KEY, HoldReason.SUSPECT]),
    )
    which = (_CONFIRMED, _PRESENT_START), (_ENDED_UNKNOWN, _COLUMNS.start_at), (held, _COLUMNS.start_at)
    found = union(
        *(select(_COLUMNS.account_id).where(one, by >= start, by < end) for one, by in which),
        select(booking_changes.c.account_id).where(ended_within(start - lag, end - lag)),
    )
    return sorted({DEFAULT_ACCOUNT, *conn.execute(found).scalars()})


def accounts_once_unknown(conn: Connection) -> list[int]:
    """Return the accounts that have bookings which `once_unknown` yields; `default` is the first."""
    return sorted(
        {DEFAULT_ACCOUNT, *conn.execute(select(_COLUMNS.account_id).where(_ENDED_UNKNOWN).distinct()).scalars()}
    )


def once_unknown(conn: Connection, *, account: int = DEFAULT_ACCOUNT) -> Iterator[Appointment]:
    """Yield all rejected, failed and expired bookings whose outcome had once been unknown, by their start."""
    ever = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    found = _batches(conn, _ENDED_UNKNOWN, _COLUMNS.start_at, *ever, account)
    return (row for row in found if row.status is not Status.CANCELLED)


def by_references(
    conn: Connection, references: Collection[str], *, account: int = DEFAULT_ACCOUNT
) -> Iterator[Appointment]:
    """Yield the bookings, of any status, whose uuids Cal.com showed as references."""
    uuids = [UUID(reference) for reference in references]
    for first in range(0, len(uuids), _BATCH):
        shown = _COLUMNS.uuid.in_(uuids[first : first + _BATCH]), _COLUMNS.account_id == account
        query = select(appointments).where(*shown).order_by(_COLUMNS.id)
        yield from map(Appointment.of, conn.execute(query).mappings().all())


def of_other_accounts(conn: Connection, references: Collection[str], *, account: int = DEFAULT_ACCOUNT) -> list[str]:
    """Return those of the references that Cal.com showed to an account which are bookings of others of our accounts."""
    uuids = [UUID(reference) for reference in references]
    theirs = _COLUMNS.uuid.in_(uuids), _COLUMNS.account_id != account
    return [str(uuid) for uuid in conn.execute(select(_COLUMNS.uuid).where(*theirs)).scalars()] if uuids else []


def _batches(
    conn: Connection,
    which: TextClause,
    by: ColumnElement[datetime],
    start: datetime,
    end: datetime,
    account: int,
) -> Iterator[Appointment]:
    order = by, _COLUMNS.id
    query = select(appointments, by.label("by")).where(which, by < end, _COLUMNS.account_id == account)
    query = query.order_by(*order).limit(_BATCH)
    after = (start, 0)
    while True:
        rows = conn.execute(query.where(tuple_(*order) > tuple_(*after))).mappings().all()
        yield from map(Appointment.of, rows)
        if len(rows) < _BATCH:
            return
        after = (rows[-1]["by"], rows[-1]["id"])
