"""Read the report's figures: of a period, of an earlier one to compare with, and of this moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from db.lifecycle import FINAL, Status
from db.monitoring import failure_metrics, report, status_queries
from db.monitoring.failure_metrics import CallWindow
from db.monitoring.report import BookingCount, ConfirmationTimes, IncidentCount, SlowStatement, TableSize
from db.monitoring.status_queries import HoldSummary
from tasks.calcom.access import CREATE
from worker.cli.report.assessment import Assessment, assess

SLOWEST = 3


@dataclass(frozen=True)
class Success:
    """How many of a period's bookings ended, and how; cancelled ones are not counted."""

    ended: int
    confirmed: int
    at_first: int

    @classmethod
    def of(cls, booked: Iterable[BookingCount]) -> "Success":
        """Add up the counts of a period."""
        ended = [count for count in booked if count.status in FINAL and count.status is not Status.CANCELLED]
        return cls(
            ended=sum(count.count for count in ended),
            confirmed=sum(count.count for count in ended if count.status is Status.CONFIRMED),
            at_first=sum(count.count for count in ended if count.at_first),
        )


@dataclass(frozen=True)
class BookingFigures:
    """What the report has of bookings, of one account or of all; `until` is this moment."""

    since: datetime
    until: datetime
    booked: list[BookingCount]
    earlier_since: datetime
    earlier: Success
    waits: ConfirmationTimes
    held: list[HoldSummary]

    @property
    def success(self) -> Success:
        """How the period's bookings ended."""
        return Success.of(self.booked)


@dataclass(frozen=True)
class CalcomFigures:
    """What the report has of services: the breaker of one Cal.com, and the calls of each; `until` is this moment."""

    since: datetime
    until: datetime
    earlier_since: datetime
    breaker: list[tuple[datetime, str]]
    outlooks: list[Assessment]
    calls: dict[str, list[CallWindow]]


@dataclass(frozen=True)
class ReportFigures(BookingFigures, CalcomFigures):
    """The report in numbers."""

    alerts: list[IncidentCount]
    slowest: list[SlowStatement]
    redis_trouble: str | None
    oldest_metric: datetime | None
    sizes: list[TableSize]
    log_bytes: int | None
    """None: LOG_FILE is not set, or the file does not exist."""


def read_bookings(
    conn: Connection, *, since: timedelta, compare: timedelta, now: datetime | None = None, account: int | None = None
) -> BookingFigures:
    """Read a period that ends `now` (Postgres's, if not given), and as long a one that ended `compare` earlier.

    Of one account, or of all (None).
    """
    until: datetime = now or conn.execute(select(func.now())).scalar_one()
    begins, earlier = until - since, until - since - compare
    return BookingFigures(
        since=begins,
        until=until,
        booked=report.booking_counts(conn, begins, until, account=account),
        earlier_since=earlier,
        earlier=Success.of(report.booking_counts(conn, earlier, earlier + since, account=account)),
        waits=report.confirmation_times(conn, begins, until, account=account),
        held=status_queries.hold_summaries(conn, account),
    )


def read_calcom(
    conn: Connection,
    services: Iterable[str],
    breaker: str,
    *,
    since: timedelta,
    compare: timedelta,
    now: datetime | None = None,
) -> CalcomFigures:
    """Read the calls of services and the breaker of one, in the period that `read_bookings` takes."""
    until: datetime = now or conn.execute(select(func.now())).scalar_one()
    begins, names = until - since, list(services)
    return CalcomFigures(
        since=begins,
        until=until,
        earlier_since=begins - compare,
        breaker=report.breaker_states(conn, breaker, CREATE, begins, until),
        outlooks=[assess(conn, service, until) for service in names],
        calls={service: failure_metrics.between(conn, service, begins, until) for service in names},
    )


def read(
    engine: Engine,
    services: Iterable[str],
    breaker: str,
    *,
    since: timedelta,
    compare: timedelta,
    redis_trouble: str | None,
    log_file: Path | None,
    now: datetime | None = None,
) -> ReportFigures:
    """Read all that the report has, of the periods that `read_bookings` takes."""
    with engine.connect() as conn:
        bookings = read_bookings(conn, since=since, compare=compare, now=now)
        begins, until = bookings.since, bookings.until
        calcom = read_calcom(conn, services, breaker, since=since, compare=compare, now=until)
        return ReportFigures(
            **(vars(calcom) | vars(bookings)),
            alerts=report.incident_counts(conn, begins, until),
            slowest=report.slowest_statements(conn, begins, until, SLOWEST),
            redis_trouble=redis_trouble,
            oldest_metric=report.oldest_metric(conn),
            sizes=report.table_sizes(conn),
            log_bytes=_size(log_file),
        )


def _size(file: Path | None) -> int | None:
    try:
        return file.stat().st_size if file else None
    except OSError:
        return None
