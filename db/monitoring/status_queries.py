"""Counts of bookings for operators, metrics and alerts. Plain reads; nothing waits for them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, func, literal_column, select

from db.lifecycle import HoldReason, Status, Strategy
from db.models.accounts import calcom_accounts as _accounts
from db.models.bookings import appointments, held_by
from db.models.changes import booking_changes
from db.models.resilience import circuit_breaker_events
from db.sql import statement

_columns = appointments.c
ENDED_BADLY = _columns.status.in_([literal_column("'failed'"), literal_column("'expired'")])
"""As the index of `updated_at` has it: no other is to be read for those that ended lately."""
_MOST_CHANGES, _FIRST_OF_CHANGES = 1_000, 20
AT_RISK = 7200.0  # seconds before its time is up from which a held booking is at risk


@dataclass(frozen=True)
class HoldSummary:
    """Bookings that one reason holds, for `booking status`."""

    reason: HoldReason
    count: int
    oldest_held_at: datetime
    oldest_requested_at: datetime
    next_until: datetime | None  # when the first of them is due; None: none waits for a time


@dataclass(frozen=True)
class InProgress:
    """Bookings that are on their way."""

    oldest_pending_at: datetime | None  # requested; None when nothing is pending
    waits_since: datetime | None  # since when the first of those waits for a worker: it may have been held before
    overdue_retries: int  # retrying, past next_attempt_at
    unknown: int  # outcome unknown, wherever they are
    lost_leases: int  # lease ran out, not yet taken up


@dataclass(frozen=True)
class HoldRisk:
    """Bookings that one reason holds, for alerts; `late` are those flagged as held too long."""

    count: int
    at_risk: int
    late: int
    late_at_risk: int
    half_made: int  # seats that Cal.com has made by half
    oldest: datetime
    first_start: datetime
    first_id: int
    oldest_requested: datetime
    next_until: datetime | None  # when the first of them is due; None: none waits for a time


class HeldChanges(NamedTuple):
    """Changes that wait for a person: how many, the bookings of the first of them, and each with its booking."""

    total: int
    bookings: list[int]
    changes: dict[int, int]


class UnclearCalls(NamedTuple):
    """Bookings whose outcome was unknown and is known by now, and how many of them are booked."""

    known: int
    booked: int


class RecordedCalls(NamedTuple):
    """How many calls of bookings ended since a moment, and how many failed."""

    calls: int
    failed: int


@dataclass(frozen=True)
class EndedBookings:
    """How many bookings ended in one bad way since a moment; `first_id` is the lowest of them."""

    count: int
    last_at: datetime
    first_id: int


def status_counts(conn: Connection, account: int | None = None) -> dict[Status, int]:
    """Count bookings by status, of one account or of all (None); a status that nothing has counts 0."""
    found = conn.execute(select(_columns.status, func.count()).where(*_of(account)).group_by(_columns.status))
    return dict.fromkeys(Status, 0) | {row[0]: row[1] for row in found}


def hold_summaries(conn: Connection, account: int | None = None) -> list[HoldSummary]:
    """Describe holds by reason, of one account or of all (None), the reason that has held longest first."""
    oldest = func.min(_columns.held_at)
    rows = conn.execute(
        select(held_by, func.count(), oldest, func.min(_columns.requested_at), func.min(_columns.hold_until))
        .where(_columns.status == Status.HELD, *_of(account))
        .group_by(held_by)
        .order_by(oldest)
    )
    return [HoldSummary(*row) for row in rows]


def in_progress(conn: Connection, account: int | None = None) -> InProgress:
    """Describe bookings in progress, of one account or of all (None), and those that wait longer than they should."""
    status, now = _columns.status, func.now()
    row = conn.execute(
        select(
            func.min(_columns.requested_at).filter(status == Status.PENDING),
            func.min(_columns.updated_at).filter(status == Status.PENDING),
            func.count().filter(status == Status.RETRYING, _columns.next_attempt_at <= now),
            func.count().filter(_columns.outcome_unknown),
            func.count().filter(status == Status.BOOKING, _columns.lease_expires_at <= now),
        ).where(status.in_([Status.PENDING, Status.RETRYING, Status.BOOKING, Status.HELD]), *_of(account))
    ).one()
    return InProgress(*row)


def hold_risks(conn: Connection, now: datetime, *, lead: float, half_made: str) -> dict[HoldReason, HoldRisk]:
    """Describe holds by reason; at risk is what starts within two hours of the moment at which it expires.

    `half_made` is the error type of a seat that Cal.com has made by half.
    """
    found = _risks(conn, [held_by], now, lead=lead, half_made=half_made)
    return {reason: risk for (reason,), risk in found.items()}


def counts_at(conn: Connection, service: str) -> tuple[int, dict[HoldReason, int]]:
    """Count the calls under way of the accounts at a service, and their held bookings by reason."""
    own = _columns.status.in_([Status.BOOKING, Status.HELD]), *_at(service)
    rows = conn.execute(select(_columns.status, held_by, func.count()).where(*own).group_by(_columns.status, held_by))
    counts = {(status, reason): count for status, reason, count in rows}
    under_way = sum(count for (status, _), count in counts.items() if status is Status.BOOKING)
    return under_way, {reason: count for (status, reason), count in counts.items() if status is Status.HELD}


def missing_types(conn: Connection, now: datetime, *, lead: float, error_type: str) -> dict[str, HoldRisk]:
    """Describe what waits for event types that Cal.com has no more, by the type's number or its slug; the oldest first.

    `error_type` is what such a row keeps. An owner's name is left out: these words go to mail and chat.
    """
    name = func.coalesce(cast(_columns.event_type_id, Text), _columns.event_type_slug)
    such = (_columns.hold_reason == HoldReason.CONFIGURATION, _columns.error_type == error_type)
    risks = _risks(conn, [name], now, *such, lead=lead, half_made="")
    return {named: risk for (named,), risk in sorted(risks.items(), key=lambda one: (one[1].oldest, one[0]))}


def _of(account: int | None) -> list[ColumnElement[bool]]:
    return [] if account is None else [_columns.account_id == account]


def _at(service: str | None) -> list[ColumnElement[bool]]:
    own = select(_accounts.c.id).where(_accounts.c.service == service)
    return [] if service is None else [_columns.account_id.in_(own)]


def _risks(
    conn: Connection,
    by: Sequence[ColumnElement[Any]],
    now: datetime,
    *such: ColumnElement[bool],
    lead: float,
    half_made: str,
) -> dict[tuple[Any, ...], HoldRisk]:
    """Describe the holds that meet the conditions `such`, grouped by columns."""
    near = _columns.start_at <= now + timedelta(seconds=lead + AT_RISK)
    late = _columns.resilience_strategy == Strategy.GRACEFUL_DEGRADATION
    rows = conn.execute(
        select(
            *by,
            func.count(),
            func.count().filter(near),
            func.count().filter(late),
            func.count().filter(late, near),
            func.count().filter(_columns.error_type == half_made),
            func.min(_columns.held_at),
            func.min(_columns.start_at),
            func.min(_columns.id),
            func.min(_columns.requested_at),
            func.min(_columns.hold_until),
        )
        .where(_columns.status == Status.HELD, *such)
        .group_by(*by)
    )
    return {tuple(row[: len(by)]): HoldRisk(*row[len(by) :]) for row in rows}


def held_changes(conn: Connection, reasons: Collection[HoldReason]) -> HeldChanges:
    """Count the changes that some reasons hold, up to 1,000, and return the first bookings of them."""
    columns = booking_changes.c
    found = select(columns.id, columns.appointment_id).where(
        columns.status == literal_column("'held'"), columns.hold_reason.in_(reasons)
    )
    rows = conn.execute(found.order_by(columns.line_at, columns.id).limit(_MOST_CHANGES))
    changes = {row.id: row.appointment_id for row in rows}
    return HeldChanges(len(changes), list(dict.fromkeys(changes.values()))[:_FIRST_OF_CHANGES], changes)


def held_for(conn: Connection, reasons: Collection[HoldReason]) -> dict[HoldReason, list[int]]:
    """Return the bookings that each of these reasons holds, the newest 1,000 of each, the oldest first."""
    held: dict[HoldReason, list[int]] = {}
    for reason in reasons:
        such = _columns.status == literal_column("'held'"), _columns.hold_reason == reason
        newest = select(_columns.id).where(*such).order_by(_columns.requested_at.desc(), _columns.id.desc())
        held[reason] = [*conn.execute(newest.limit(_MOST_CHANGES)).scalars()][::-1]
    return held


def ended_bookings(
    conn: Connection, status: Status, since: datetime, *, service: str | None = None
) -> EndedBookings | None:
    """Describe what became `failed` or `expired` since a moment (and still is); None: nothing did.

    Of the accounts at one service, or of all (None).
    """
    such = _columns.status == status
    row = conn.execute(
        select(
            func.count().filter(such), func.max(_columns.updated_at).filter(such), func.min(_columns.id).filter(such)
        ).where(ENDED_BADLY, _columns.updated_at >= since, *_at(service))
    ).one()
    return EndedBookings(*row) if row[0] else None


def unclear_calls(conn: Connection, since: datetime, *, service: str | None = None) -> UnclearCalls:
    """Count what became of the calls that were not clearly answered since a moment, as far as that is known.

    Of the accounts at one service, or of all (None).
    """
    known = and_(~_columns.outcome_unknown, _columns.sent_at >= since)  # implies the index's `sent_at IS NOT NULL`
    booked = func.count().filter(_columns.status == Status.CONFIRMED)
    return UnclearCalls(*conn.execute(select(func.count(), booked).where(known, *_at(service))).one())


def recorded_calls(conn: Connection, since: datetime, *, failed: Collection[str]) -> dict[str, RecordedCalls]:
    """Count each service's calls since a moment by the events of bookings; one without a call is left out.

    `failed` are the error types that say that a call failed.
    """
    rows = conn.execute(statement("calls_by_record"), {"since": since, "failed": list(failed)})
    return {service: RecordedCalls(calls, failures) for service, calls, failures in rows}


def breaker_openings(conn: Connection, service: str, since: datetime) -> int:
    """Count how often a service's breakers opened for all accounts since a moment."""
    events = circuit_breaker_events.c
    count: int = conn.execute(
        select(func.count()).where(
            events.service == service,
            events.account_id.is_(None),
            events.new_state == "open",
            events.created_at >= since,
        )
    ).scalar_one()
    return count
