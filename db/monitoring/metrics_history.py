"""What `failure_metrics` holds of a service, window by window. A window without a row is unknown, never zero."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.sql import statement


@dataclass(frozen=True, slots=True)
class Window:
    """All calls of a service in one window, its endpoints together."""

    start: datetime
    end: datetime
    calls: int
    failures: int
    average_ms: float | None  # None: not known


def past_days(
    conn: Connection, service: str, now: datetime, *, days: int, before: timedelta, after: timedelta
) -> list[Window]:
    """Read what was around this time of day, today and on each of the `days` before; oldest first.

    `before` and `after` together are less than a day.
    """
    asked = {"service": service, "now": now, "days": days, "before": before, "after": after}
    return [Window(*row) for row in conn.execute(statement("metrics_past_days"), asked)]


def between(conn: Connection, service: str, since: datetime, until: datetime) -> list[Window]:
    """Read the windows that began in a period, oldest first."""
    return past_days(conn, service, until, days=0, before=until - since, after=timedelta(0))
