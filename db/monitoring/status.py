"""How things stand, in numbers: what `booking status` and the metrics show. Plain reads; nothing waits for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from db.lifecycle import HoldReason, Status
from db.schema import appointments

_COLUMNS = appointments.c


@dataclass(frozen=True)
class Held:
    """Bookings that one reason holds."""

    reason: HoldReason
    count: int
    oldest_held_at: datetime
    oldest_requested_at: datetime
    next_until: datetime | None  # when the first of them is due; None: none waits for a time


@dataclass(frozen=True)
class Waiting:
    """Bookings that are on their way."""

    oldest_pending_at: datetime | None  # requested; None when nothing is pending
    overdue_retries: int  # retrying, past next_attempt_at
    unknown: int  # outcome unknown, wherever they are
    never_sent: int  # waiting without a message
    lost_leases: int  # lease ran out, not yet taken up


def counts(conn: Connection) -> dict[Status, int]:
    """Count bookings by status; a status that nothing has counts 0."""
    found = conn.execute(select(_COLUMNS.status, func.count()).group_by(_COLUMNS.status))
    return dict.fromkeys(Status, 0) | {row[0]: row[1] for row in found}


def held(conn: Connection) -> list[Held]:
    """Describe holds by reason, the reason that has held longest first."""
    oldest = func.min(_COLUMNS.held_at)
    rows = conn.execute(
        select(
            _COLUMNS.hold_reason, func.count(), oldest, func.min(_COLUMNS.requested_at), func.min(_COLUMNS.hold_until)
        )
        .where(_COLUMNS.status == Status.HELD)
        .group_by(_COLUMNS.hold_reason)
        .order_by(oldest)
    )
    return [Held(*row) for row in rows]


def waiting(conn: Connection) -> Waiting:
    """Describe what is on its way, and what stands still though it should not."""
    status, now = _COLUMNS.status, func.now()
    sent_for = status.in_([Status.PENDING, Status.RETRYING])
    row = conn.execute(
        select(
            func.min(_COLUMNS.requested_at).filter(status == Status.PENDING),
            func.count().filter(status == Status.RETRYING, _COLUMNS.next_attempt_at <= now),
            func.count().filter(_COLUMNS.outcome_unknown),
            func.count().filter(sent_for, _COLUMNS.enqueued_at.is_(None)),
            func.count().filter(status == Status.BOOKING, _COLUMNS.lease_expires_at <= now),
        ).where(status.in_([Status.PENDING, Status.RETRYING, Status.BOOKING, Status.HELD]))
    ).one()
    return Waiting(*row)
