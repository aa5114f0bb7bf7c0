"""What alerts ask of bookings: what is held and for how long, what ended badly. Plain reads; nothing waits for them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, select

from db.lifecycle import HoldReason, Status, Strategy
from db.schema import appointments, circuit_breaker_events
from db.sql import statement

_columns = appointments.c
AT_RISK = 7200.0  # seconds before its time is up from which a held booking is at risk


@dataclass(frozen=True)
class Holds:
    """Bookings that one reason holds; `late` are those flagged as held too long, `half_made` seats without a seat."""

    count: int
    at_risk: int
    late: int
    late_at_risk: int
    half_made: int
    oldest: datetime
    first_start: datetime
    first_id: int


@dataclass(frozen=True)
class Unclear:
    """Bookings whose outcome was unknown and is known by now, and how many of them are booked."""

    known: int
    booked: int


@dataclass(frozen=True)
class EndedCalls:
    """How many bookings' calls came to something since a moment, and how many of them failed."""

    count: int
    failed: int


@dataclass(frozen=True)
class Ended:
    """Bookings that ended in one bad way since a moment, `first_id` the lowest of them."""

    count: int
    last_at: datetime
    first_id: int


def holds(conn: Connection, now: datetime, *, lead: float, half_made: str) -> dict[HoldReason, Holds]:
    """Describe holds by reason; at risk is what starts within two hours of the moment at which it expires.

    `half_made` is the error type of a seat that Cal.com has made by half.
    """
    near = _columns.start_at <= now + timedelta(seconds=lead + AT_RISK)
    late = _columns.resilience_strategy == Strategy.GRACEFUL_DEGRADATION
    rows = conn.execute(
        select(
            _columns.hold_reason,
            func.count(),
            func.count().filter(near),
            func.count().filter(late),
            func.count().filter(late, near),
            func.count().filter(_columns.error_type == half_made),
            func.min(_columns.held_at),
            func.min(_columns.start_at),
            func.min(_columns.id),
        )
        .where(_columns.status == Status.HELD)
        .group_by(_columns.hold_reason)
    )
    return {reason: Holds(*figures) for reason, *figures in rows}


def ended(conn: Connection, status: Status, since: datetime) -> Ended | None:
    """Describe what became `failed` or `expired` since a moment (and still is); None: nothing did."""
    row = conn.execute(
        select(func.count(), func.max(_columns.updated_at), func.min(_columns.id)).where(
            _columns.status == status, _columns.updated_at >= since
        )
    ).one()
    return Ended(*row) if row[0] else None


def unclear(conn: Connection, since: datetime) -> Unclear:
    """Count what became of the calls that were not clearly answered since a moment, as far as that is known."""
    known = and_(~_columns.outcome_unknown, _columns.sent_at >= since)  # implies the index's `sent_at IS NOT NULL`
    booked = func.count().filter(_columns.status == Status.CONFIRMED)
    return Unclear(*conn.execute(select(func.count(), booked).where(known)).one())


def calls(conn: Connection, since: datetime, *, failed: Collection[str]) -> EndedCalls:
    """Count calls since a moment by the events of bookings; `failed` are the error types that say so."""
    return EndedCalls(*conn.execute(statement("calls_by_record"), {"since": since, "failed": list(failed)}).one())


def opened(conn: Connection, service: str, since: datetime) -> int:
    """Count how often a service's breakers opened since a moment."""
    events = circuit_breaker_events.c
    count: int = conn.execute(
        select(func.count()).where(events.service == service, events.new_state == "open", events.created_at >= since)
    ).scalar_one()
    return count
