"""The overview's part from Postgres: holds, bookings in progress, bad endings, overrides, transitions, incidents."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from db.account_troubles import NO_TROUBLE, AccountTroubles
from db.appointments import listing
from db.appointments.listing import Filter, Listed, Sort
from db.lifecycle import HALF_MADE, HoldReason, Status
from db.models.bookings import appointments
from db.monitoring import (
    booking_minutes,
    breaker_events,
    counts_now,
    failure_metrics,
    front_door,
    heartbeats,
    incidents,
    overrides,
)
from db.monitoring.breaker_events import OutageSpan
from db.monitoring.counts_now import DayCounts, EndedBadly, HeldNow, OnTheWay
from db.monitoring.front_door import FrontDoor
from db.monitoring.heartbeats import Heartbeat
from db.monitoring.incidents import Incident
from db.monitoring.overrides import Override
from db.queue.waits import backlog_reason
from resilience.error_types import ErrorType
from tasks.accounts.troubles import read_troubles
from tasks.calcom.access import CREATE
from tasks.dependencies import Timings
from tasks.operations.breaker_overrides import OFF, OPEN

LATELY = timedelta(minutes=15)  # for this time bookings that ended badly are news
_MINUTES = timedelta(minutes=5)  # as long as calls are counted
_NEVER = datetime.min.replace(tzinfo=UTC)
_FEW = 10  # changes, and also incidents, in an overview
_NEWEST = select(appointments.c.id).order_by(appointments.c.id.desc()).limit(1)  # quick: only old rows are deleted
_EXAMPLES = 100  # bookings of each reason that wait for a person


@dataclass(frozen=True, slots=True)
class ForAPerson:
    """The causes of holds that only a person ends."""

    unseen_types: tuple[str, ...]
    """Event types for which Cal.com does not show our key every booking."""
    half_made: bool
    """Whether some of the bookings are half made at Cal.com."""
    missing_types: tuple[str, ...] = ()
    """Event types that Cal.com no longer has."""
    page_met: bool = False
    """Whether a server that is not Cal.com answered some of the bookings."""


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
class RecordView:
    """The part of an overview that is read from Postgres, at `now` by its clock."""

    now: datetime
    holds: tuple[HeldNow, ...]
    for_a_person: ForAPerson
    moving: OnTheWay
    ended: EndedBadly
    """Bookings that ended badly in the last quarter of an hour, and were not sent again since."""
    day: DayCounts | None
    """None: the day is not counted, because beat stands still."""
    empty: bool
    """Whether no booking was ever requested."""
    beat: Heartbeat | None
    overrides: tuple[Override, ...]
    outage: OutageSpan
    """The last outage of the service's breaker, or of the endpoint that makes bookings if that is later."""
    mostly: str | None
    """The most frequent error type of failed calls, in the last minutes that `failure_metrics` has."""
    changes: tuple[BreakerMove, ...]
    incidents: tuple[Incident, ...]
    unknown: int = 0
    """How many bookings may be at Cal.com though nobody knows, up to a cap."""
    queue_met: HoldReason | None = None
    """What the first of the queue met, if some only stand behind others."""
    held_before: tuple[tuple[datetime, int], ...] = ()
    """How many were held at the ends of the last minutes, newest first."""
    accounts: AccountTroubles = NO_TROUBLE
    """What is held by which cause, and whom something of their own stops; empty: `default` is the only account."""
    is_part: bool = False
    """Whether `holds` are those of one cause, and other causes hold more."""
    front_door: FrontDoor = field(default_factory=FrontDoor)
    """Changes, callbacks and webhooks that wait."""

    @property
    def override(self) -> Override | None:
        """The override of open or off that is in force."""
        return next((one for one in reversed(self.overrides) if one.mode in {OPEN, OFF}), None)

    def refused_at(self, key: str) -> datetime | None:
        """Return when Cal.com first refused a key; None: the key is not refused now."""
        return next((one.created_at for one in self.overrides if one.key_fingerprint == key), None)


def read_record(conn: Connection, now: datetime, service: str, timings: Timings) -> RecordView:
    """Read the record; `now` is Postgres's time, just read.

    Raises:
        SQLAlchemyError: Postgres does not answer, or not in time.
    """
    holds = tuple(counts_now.held(conn, lead=timings.lead))
    return RecordView(
        now=now,
        holds=holds,
        for_a_person=_for_a_person(conn, {hold.reason for hold in holds}),
        moving=counts_now.on_the_way(conn),
        ended=counts_now.ended_badly(conn, now - LATELY),
        day=counts_now.last_day(conn, now),
        empty=conn.execute(_NEWEST).first() is None,
        beat=heartbeats.last_check(conn),
        overrides=tuple(overrides.in_force(conn, service)),
        outage=_outage(conn, service),
        mostly=failure_metrics.commonest(conn, service, now - _MINUTES),
        changes=tuple(_changes(conn, service)),
        incidents=tuple(incidents.notified(conn, open_only=True, limit=_FEW)),
        unknown=counts_now.unknown(conn),
        queue_met=backlog_reason(conn) if any(hold.reason is HoldReason.IN_LINE for hold in holds) else None,
        held_before=tuple(booking_minutes.held_before(conn, now)) if holds else (),
        accounts=read_troubles(conn, service, lead=timings.lead),
        front_door=front_door.read(conn, now),
    )


def _for_a_person(conn: Connection, reasons: set[HoldReason]) -> ForAPerson:
    """Read the bookings that wait for a person, the earliest requests first, up to a bound."""
    blind, suspects, misled = (
        _some(conn, one, reasons) for one in (HoldReason.BLIND_KEY, HoldReason.SUSPECT, HoldReason.CONFIGURATION)
    )
    missing = [one for one in misled if one.error_type == ErrorType.NO_EVENT_TYPE]
    return ForAPerson(
        _types(blind),
        half_made=any(one.error_type == HALF_MADE for one in suspects),
        missing_types=_types(missing),
        page_met=len(missing) < len(misled),
    )


def _types(rows: list[Listed]) -> tuple[str, ...]:
    return tuple(sorted({one.event_type for one in rows}))


def _some(conn: Connection, reason: HoldReason, reasons: set[HoldReason]) -> list[Listed]:
    if reason not in reasons:
        return []
    wanted = Filter(state=Status.HELD, reason=reason, sort=Sort.ASKED)
    return listing.page(conn, wanted, limit=_EXAMPLES).rows


def _outage(conn: Connection, service: str) -> OutageSpan:
    """Return the present outage, else the last one, of the service or of the endpoint that makes bookings."""
    spans = [breaker_events.last_outage(conn, service, endpoint) for endpoint in (None, CREATE)]
    return max(spans, key=lambda one: (bool(one.began and not one.ended), one.ended or one.began or _NEVER))


def _changes(conn: Connection, service: str) -> Iterator[BreakerMove]:
    for row in breaker_events.latest(conn, service, _FEW):
        by, why = row.context.get("by"), row.context.get("why")
        name = row.endpoint or service
        yield BreakerMove(row.created_at, name, row.old_state, row.new_state, row.reason, by, why)
