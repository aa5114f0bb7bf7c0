"""Counts of bookings as they are now, read every two seconds: each read costs the same however much is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments
from db.models.counts import held_now as _held
from db.monitoring.status_queries import AT_RISK, ENDED_BADLY, HoldRisk
from db.sql import statement

CAP = 1000
"""So many of a kind are counted one by one."""
DAY = timedelta(days=1)
COUNTING = 120.0
"""Seconds without progress after which the counting of the day counts as stopped."""

_columns = appointments.c


@dataclass(frozen=True, slots=True)
class HeldNow:
    """What one reason holds; `capped`: there are more, and nobody has counted them lately."""

    reason: HoldReason
    count: int
    capped: bool
    at_risk: int
    oldest_held_at: datetime
    oldest_requested_at: datetime
    first_start: datetime
    next_until: datetime | None  # None: none waits for a time


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """Bookings that are on their way, each kind counted up to a cap."""

    pending: int
    oldest_pending_at: datetime | None  # since when it waits for a worker; None: nothing is pending
    booking: int
    retrying: int


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A booking that a worker has claimed, since when, and until when it may keep it."""

    id: int
    task_id: str
    claimed_at: datetime
    lease_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class EndedBadly:
    """Bookings that ended badly since a moment, each kind counted up to a cap."""

    failed: int
    expired: int


@dataclass(frozen=True, slots=True)
class DayCounts:
    """The bookings that ended in the last 24 hours, by status."""

    confirmed: int
    rejected: int
    failed: int
    expired: int
    cancelled: int


def held(conn: Connection, *, cap: int = CAP, lead: float) -> list[HeldNow]:
    """Return held bookings by reason, the reason with the oldest hold first; a reason that holds none is missing.

    `lead` is in seconds: at risk is what starts within two hours of the moment at which it expires.
    """
    asked = {"reasons": [one.value for one in HoldReason], "cap": cap}
    found = []
    rows = conn.execute(statement("held_now"), asked | {"near_seconds": lead + AT_RISK})
    for reason, is_kept, count, *figures in rows:
        capped = not is_kept and count > cap
        found.append(HeldNow(HoldReason(reason), cap if capped else count, capped, *figures))
    return sorted(found, key=lambda one: one.oldest_held_at)


def is_many_held(conn: Connection, *, cap: int = CAP) -> bool:
    """Return whether a reason held more than `cap` bookings at the last count."""
    return bool(conn.execute(select(func.coalesce(func.bool_or(_held.c.count > cap), False))).scalar_one())


def keep_held(conn: Connection, held: Mapping[HoldReason, HoldRisk], now: datetime) -> None:
    """Store the counts of a health check, one row for each reason, in its transaction."""
    risks = [held.get(reason) for reason in HoldReason]
    asked = {
        "counted_at": now,
        "reasons": [reason.value for reason in HoldReason],
        "counts": [risk.count if risk else 0 for risk in risks],
        "at_risk": [risk.at_risk if risk else 0 for risk in risks],
        "oldest_held_at": [risk and risk.oldest for risk in risks],
        "oldest_requested_at": [risk and risk.oldest_requested for risk in risks],
        "first_start": [risk and risk.first_start for risk in risks],
        "next_until": [risk and risk.next_until for risk in risks],
    }
    conn.execute(statement("keep_held"), asked)


def on_the_way(conn: Connection, *, cap: int = CAP) -> OnTheWay:
    """Count the bookings that are pending, booking or retrying."""
    return OnTheWay(*conn.execute(statement("on_the_way"), {"cap": cap}).one())


def unknown(conn: Connection, *, cap: int = CAP) -> int:
    """Count the bookings that Cal.com may have though nobody knows, up to a cap."""
    found = select(_columns.id).where(_columns.outcome_unknown).limit(cap).subquery()
    return int(conn.execute(select(func.count()).select_from(found)).scalar_one())


def under_way(conn: Connection, *, limit: int) -> list[UnderWay]:
    """Return the bookings that workers have claimed now, the lowest ids first, up to a limit."""
    wanted = _columns.id, _columns.task_id, _columns.updated_at, _columns.lease_expires_at
    state: ColumnElement[Any] = literal_column("'booking'")
    claimed = select(*wanted).where(_columns.status >= state, _columns.status <= state)
    return [UnderWay(*row) for row in conn.execute(claimed.order_by(_columns.status, _columns.id).limit(limit))]


def ended_badly(conn: Connection, since: datetime, *, cap: int = CAP) -> EndedBadly:
    """Count what became failed or expired since a moment, and still is: the newest of them, up to a cap."""
    newest = (
        select(_columns.status)
        .where(ENDED_BADLY, _columns.updated_at >= since)
        .order_by(_columns.updated_at.desc())
        .limit(cap)
        .subquery()
    )
    counted = (func.count().filter(newest.c.status == status) for status in (Status.FAILED, Status.EXPIRED))
    row: Sequence[Any] = conn.execute(select(*counted)).one()
    return EndedBadly(*row)


def lately_ended_badly(conn: Connection, since: datetime, *, cap: int = CAP) -> Sequence[int]:
    """Return the bookings that `ended_badly` counts, the newest first."""
    newest = select(_columns.id).where(ENDED_BADLY, _columns.updated_at >= since).order_by(_columns.updated_at.desc())
    return conn.execute(newest.limit(cap)).scalars().all()


def last_day(conn: Connection, now: datetime) -> DayCounts | None:
    """Count how bookings ended in the 24 hours before now; None: the counting stands still, and nobody knows."""
    asked = {"now": now, "since": now - DAY, "patience_seconds": COUNTING}
    row = conn.execute(statement("last_day"), asked).first()
    return None if row is None else DayCounts(*row)
