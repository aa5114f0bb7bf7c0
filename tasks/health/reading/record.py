"""What Postgres knows of how everything stands: holds, what moves, what ended, orders, changes, incidents."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.lifecycle import HoldReason, Status
from db.monitoring import breaker_events, failure_metrics, heartbeats, incidents, overrides, status_queries
from db.monitoring.breaker_events import OutageSpan
from db.monitoring.heartbeats import Heartbeat
from db.monitoring.overrides import Override
from tasks.dependencies import Timings
from tasks.guarded_calls import CREATE
from tasks.health.check import BEAT, EVERY
from tasks.operations.breaker_overrides import OFF, OPEN
from tasks.unknown.outcome import HALF_MADE

LATELY = timedelta(minutes=15)  # in which bookings that ended badly are news
_MINUTES = timedelta(minutes=5)  # as long as calls are counted for
_CHANGES, _INCIDENTS = 10, 10


@dataclass(frozen=True, slots=True)
class HeldBy:
    """What one reason holds; `capped`: at least so many."""

    reason: HoldReason
    count: int
    capped: bool
    at_risk: int
    oldest_at: datetime
    first_start: datetime | None
    next_until: datetime | None
    half_made: int = 0
    event_types: tuple[str, ...] = ()
    """Of what waits for a person, some of them."""


@dataclass(frozen=True, slots=True)
class Moving:
    """Bookings on their way; `capped`: at least so many are pending."""

    pending: int
    capped: bool
    waiting_since: datetime | None
    """Since when the first of the pending has waited for a worker."""
    booking: int
    retrying: int


@dataclass(frozen=True, slots=True)
class LastDay:
    """How many bookings ended each way in the last 24 hours."""

    confirmed: int
    rejected: int
    failed: int
    expired: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class BreakerMove:
    """One change of a breaker's state."""

    at: datetime
    of: str
    old: str
    new: str
    reason: str
    by: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident of which operators are told."""

    id: int
    kind: str
    title: str
    opened_at: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordView:
    """Everything that the record tells at `now`, by Postgres's clock."""

    now: datetime
    holds: tuple[HeldBy, ...]
    moving: Moving
    failed: int
    """Bookings that failed in the last quarter of an hour and have not been sent again."""
    expired: int
    day: LastDay | None
    empty: bool
    """No booking was ever kept."""
    beat: Heartbeat | None
    orders: tuple[Override, ...]
    outage: OutageSpan
    """The last one of the service's breaker, or of the endpoint that makes bookings if that is later."""
    mostly: str | None
    """The error type of most failed calls of the last minutes that are written down."""
    changes: tuple[BreakerMove, ...]
    incidents: tuple[OpenIncident, ...]

    @property
    def order(self) -> Override | None:
        """The order of open or off that is in force."""
        return next((one for one in reversed(self.orders) if one.mode in {OPEN, OFF}), None)

    def refused_at(self, key: str) -> datetime | None:
        """Return when Cal.com first refused a key, as long as it does."""
        return next((one.created_at for one in self.orders if one.key_fingerprint == key), None)


def read_record(conn: Connection, now: datetime, service: str, timings: Timings) -> RecordView:
    """Read it all; `now` is Postgres's, just asked.

    Raises:
        SQLAlchemyError: Postgres does not answer, or not in time.
    """
    waiting, counts = status_queries.in_progress(conn), status_queries.status_counts(conn)
    ended = {
        status: status_queries.ended_bookings(conn, status, now - LATELY) for status in (Status.FAILED, Status.EXPIRED)
    }
    failed, expired = (found.count if found else 0 for found in ended.values())
    return RecordView(
        now=now,
        holds=tuple(_holds(conn, now, timings)),
        moving=Moving(
            pending=counts[Status.PENDING],
            capped=False,
            waiting_since=waiting.oldest_pending_at,
            booking=counts[Status.BOOKING],
            retrying=counts[Status.RETRYING],
        ),
        failed=failed,
        expired=expired,
        day=None,
        empty=not sum(counts.values()),
        beat=heartbeats.last(conn, BEAT, every=EVERY),
        orders=tuple(overrides.in_force(conn, service)),
        outage=_outage(conn, service),
        mostly=failure_metrics.commonest(conn, service, now - _MINUTES),
        changes=tuple(_changes(conn, service)),
        incidents=tuple(
            OpenIncident(one.id, one.kind, one.title, one.opened_at, one.notified_at)
            for one in incidents.notified(conn, open_only=True, limit=_INCIDENTS)
        ),
    )


def _holds(conn: Connection, now: datetime, timings: Timings) -> Iterator[HeldBy]:
    risks = status_queries.hold_risks(conn, now, lead=timings.lead, half_made=HALF_MADE)
    for hold in status_queries.hold_summaries(conn):
        risk = risks.get(hold.reason)
        yield HeldBy(
            hold.reason,
            hold.count,
            capped=False,
            at_risk=risk.at_risk if risk else 0,
            oldest_at=hold.oldest_held_at,
            first_start=risk.first_start if risk else None,
            next_until=hold.next_until,
            half_made=risk.half_made if risk else 0,
        )


def _outage(conn: Connection, service: str) -> OutageSpan:
    spans = [breaker_events.last_outage(conn, service, endpoint) for endpoint in (None, CREATE)]
    return max(spans, key=lambda span: (span.began is not None, span.began))


def _changes(conn: Connection, service: str) -> Iterator[BreakerMove]:
    for row in breaker_events.latest(conn, service, _CHANGES):
        ordered = row.context.get("by"), row.context.get("why")
        yield BreakerMove(row.created_at, row.endpoint or service, row.old_state, row.new_state, row.reason, *ordered)
