"""What `booking report`, and that of one account, read of a period: plain reads, for which nothing waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, literal_column, select

from db.lifecycle import ChangeStatus, Status, Strategy
from db.models.bookings import appointment_events, appointments, metadata
from db.models.changes import ChangeKind, booking_changes
from db.models.resilience import alert_incidents, circuit_breaker_events, failure_metrics
from db.sql import statement

SHARES = (0.5, 0.95, 0.99)
SMALL = 8 * 2**20  # bytes of a table whose rows are counted one by one

_WORSE = ("closed", "off", "half_open", "open", "forced_open")  # ever worse for a booking
_TABLES = (appointments, appointment_events, failure_metrics, circuit_breaker_events, alert_incidents)


@dataclass(frozen=True)
class BookingCount:
    """Bookings of a period that went the same way."""

    status: Status
    strategy: Strategy | None
    at_first: bool
    """Confirmed, and the first call to book was enough."""
    count: int


@dataclass(frozen=True)
class ConfirmationTimes:
    """How long confirmations took, from the request on."""

    confirmed: int
    seconds: tuple[float, ...]
    """For each of SHARES, the time within which that share had its confirmation; empty when there was none."""


@dataclass(frozen=True)
class IncidentCount:
    """Incidents of one kind that were open in a period."""

    kind: str
    count: int
    still_open: int


@dataclass(frozen=True)
class SlowStatement:
    """A statement, and the longest that it took in a period."""

    name: str
    longest_ms: float


@dataclass(frozen=True)
class TableSize:
    """A table; many rows are an estimate (PostgreSQL's), bytes are with its indexes."""

    table: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """Bookings that were asked for on one day and stand, or have ended, in one way."""

    day: date
    status: Status
    error_type: str | None
    """Of those that were refused, failed or expired."""
    count: int


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """Cancels or moves that were asked for in a period, of one state."""

    kind: ChangeKind
    status: ChangeStatus
    count: int


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A held booking whose time is near, by its reference, which counts nothing."""

    reference: str
    start_at: datetime


def booking_counts(
    conn: Connection, since: datetime, until: datetime, *, account: int | None = None
) -> list[BookingCount]:
    """Count what was asked for in a period, for one account or for all (None)."""
    rows = conn.execute(statement("report_bookings"), {"since": since, "until": until, "account": account})
    return [BookingCount(Status(a), Strategy(b) if b else None, c, d) for a, b, c, d in rows]


def confirmation_times(
    conn: Connection, since: datetime, until: datetime, *, account: int | None = None
) -> ConfirmationTimes:
    """Return how long the confirmations of a period's bookings took, of one account or of all (None)."""
    parameters = {"since": since, "until": until, "account": account, "shares": list(SHARES)}
    confirmed, seconds = conn.execute(statement("report_waits"), parameters).one()
    return ConfirmationTimes(confirmed, tuple(seconds or ()))


def breaker_states(
    conn: Connection, service: str, endpoint: str, since: datetime, until: datetime
) -> list[tuple[datetime, str]]:
    """Return when bookings met which state, beginning at `since`: the worse of the service's and the endpoint's."""
    now = {None: "closed", endpoint: "closed"}
    states = [(since, "closed")]
    for row in conn.execute(statement("chart_breaker"), {"service": service, "since": since}):
        if row.endpoint not in now or row.at >= until:
            continue
        now[row.endpoint] = row.state or "closed"
        worst = max(now.values(), key=_WORSE.index)
        if row.at == since:
            states = [(since, worst)]
        elif worst != states[-1][1]:
            states.append((row.at, worst))
    return states


def slowest_statements(conn: Connection, since: datetime, until: datetime, limit: int) -> list[SlowStatement]:
    """Return the slowest database statements of a period, slowest first."""
    rows = conn.execute(statement("report_statements"), {"since": since, "until": until, "limit": limit})
    return [SlowStatement(row.endpoint or "all", row.longest_ms) for row in rows]


def incident_counts(conn: Connection, since: datetime, until: datetime) -> list[IncidentCount]:
    """Count the incidents that began in a period, or were still open in it, by kind."""
    columns = alert_incidents.c
    rows = conn.execute(
        select(columns.kind, func.count(), func.count().filter(columns.closed_at.is_(None)))
        .where(columns.news > 0)  # else it is only suspected
        .where(columns.opened_at < until, func.coalesce(columns.closed_at, until) >= since)
        .group_by(columns.kind)
        .order_by(columns.kind)
    )
    return [IncidentCount(*row) for row in rows]


def oldest_metric(conn: Connection) -> datetime | None:
    """Return the end of the oldest window that is kept: what `prune` should have reached by now."""
    columns = failure_metrics.c
    oldest: datetime | None = conn.execute(select(columns.window_end).order_by(columns.id).limit(1)).scalar()
    return oldest


def table_sizes(conn: Connection) -> list[TableSize]:
    """Return rows and bytes of the tables that grow, largest first."""
    found = conn.execute(statement("report_tables"), {"tables": [table.name for table in _TABLES]})
    counted = []
    for name, rows, heap, total in found:
        small = heap < SMALL
        exactly = conn.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one() if small else rows
        counted.append(TableSize(name, exactly, total))
    return counted


def days_of(conn: Connection, account: int, since: datetime, until: datetime) -> list[DayCount]:
    """Count an account's bookings of a period, by day."""
    rows = conn.execute(statement("account_days"), {"account": account, "since": since, "until": until})
    return [DayCount(row.day, Status(row.status), row.error_type, row.bookings) for row in rows]


def changes_of(conn: Connection, account: int, since: datetime, until: datetime) -> list[ChangeCount]:
    """Count an account's changes of a period, by kind and state; it reads each change that is kept."""
    column = booking_changes.c
    such = column.account_id == account, column.requested_at >= since, column.requested_at < until
    kind = column.kind, column.status
    rows = conn.execute(select(*kind, func.count()).where(*such).group_by(*kind).order_by(*kind))
    return [ChangeCount(*row) for row in rows]


def own_states(
    conn: Connection, account: int, service: str, endpoint: str, since: datetime, until: datetime
) -> Sequence[tuple[datetime, str]]:
    """Return when an account's own breaker of an endpoint came into which state, as far as it ever moved."""
    asked = {"account": account, "service": service, "endpoint": endpoint, "since": since, "until": until}
    return [(row.at, row.state) for row in conn.execute(statement("account_moves"), asked)]


def at_risk_of(conn: Connection, account: int, before: datetime, limit: int) -> list[AtRisk]:
    """Return the first held bookings of an account that start before a moment."""
    such = (
        appointments.c.status == literal_column("'held'"),
        appointments.c.account_id == account,
        appointments.c.start_at <= before,
    )
    rows = conn.execute(
        select(appointments.c.uuid, appointments.c.start_at).where(*such).order_by(appointments.c.start_at).limit(limit)
    )
    return [AtRisk(str(row.uuid), row.start_at) for row in rows]
