"""Calls and failures by window: each window is written once, and one without a row is unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from db.models.resilience import failure_metrics as _metrics
from db.sql import statement

_columns = _metrics.c
BATCH = 1000
"""Rows of one INSERT: PostgreSQL takes 65,535 parameters."""


@dataclass(frozen=True, slots=True)
class CallWindow:
    """All calls of a service in one window, its endpoints together."""

    start: datetime
    end: datetime
    calls: int
    failures: int
    average_ms: float | None  # None: not known


def written_until(conn: Connection, service: str) -> datetime | None:
    """Return the end of the last window that is written; all before it are, or were never whole."""
    newest = (
        select(_columns.window_end)
        .where(_columns.service == service)
        .order_by(_columns.created_at.desc(), _columns.window_end.desc())
        .limit(1)
    )
    return conn.execute(newest).scalar_one_or_none()


class RowKey(NamedTuple):
    """Name one row of a service."""

    endpoint: str | None
    error_type: str
    window_start: datetime


def write(conn: Connection, rows: Sequence[dict[str, Any]]) -> set[RowKey]:
    """Write rows (columns of `failure_metrics`) of one service, and return which were new; the others stay."""
    written = insert(_metrics).on_conflict_do_nothing(constraint="failure_metrics_once")
    named = written.returning(_columns.endpoint, _columns.error_type, _columns.window_start)
    batches = (list(rows[at : at + BATCH]) for at in range(0, len(rows), BATCH))
    return {RowKey(*row) for batch in batches for row in conn.execute(named, batch)}


def past_days(
    conn: Connection, service: str, now: datetime, *, days: int, before: timedelta, after: timedelta
) -> list[CallWindow]:
    """Read what was around this time of day, today and on each of the `days` before; oldest first.

    `before` and `after` together are less than a day.
    """
    parameters = {"service": service, "now": now, "days": days, "before": before, "after": after}
    return [CallWindow(*row) for row in conn.execute(statement("metrics_past_days"), parameters)]


def commonest(conn: Connection, service: str, since: datetime) -> str | None:
    """Return the most frequent error type of a service's calls since a moment, in the windows that are written."""
    failed = func.sum(_columns.count)
    found = (
        select(_columns.error_type)
        .where(_columns.service == service, _columns.window_start >= since, _columns.error_type != "none")
        .group_by(_columns.error_type)
        .order_by(failed.desc(), _columns.error_type)
        .limit(1)
    )
    return conn.execute(found).scalar_one_or_none()


def between(conn: Connection, service: str, since: datetime, until: datetime) -> list[CallWindow]:
    """Read the windows that began in a period, oldest first."""
    return past_days(conn, service, until, days=0, before=until - since, after=timedelta(0))
