"""Rows of `failure_metrics` for tests, written as the aggregation writes them."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from db.monitoring.failure_metrics import CallWindow

MINUTE = timedelta(minutes=1)
INSERT = text("""
INSERT INTO failure_metrics (
    service, endpoint, error_type, count, success_rate, avg_response_time_ms, max_response_time_ms,
    window_start, window_end, created_at
)
SELECT service, endpoint, error, failed, rate, average, longest, begins, ends, ends
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (
    service text, endpoint text, error text, failed integer, rate float, average float, longest float,
    begins timestamptz, ends timestamptz
)
""")


def window(start: datetime, calls: int = 100, failures: int = 0, average_ms: float = 1000.0) -> CallWindow:
    """Make a window of a minute."""
    return CallWindow(start, start + MINUTE, calls, failures, average_ms)


def days(now: datetime, count: int = 10, **what: Any) -> list[CallWindow]:
    """Make the windows of two hours around this time of day on past days."""
    past = (now - timedelta(days=day) for day in range(count, 0, -1))
    return [window(moment + minute * MINUTE, **what) for moment in past for minute in range(-60, 60)]


def write(conn: Connection, service: str, endpoint: str, windows: Iterable[CallWindow]) -> None:
    """Write windows of one endpoint: failures of two types, or the row `none`."""
    rows = [row for one in windows for row in _rows(service, endpoint, one)]
    conn.execute(INSERT, {"rows": json.dumps(rows, default=str)})


def _rows(service: str, endpoint: str, one: CallWindow) -> Iterator[dict[str, Any]]:
    timeouts = one.failures // 2
    kinds = {"timeout": timeouts, "503": one.failures - timeouts} if one.failures else {"none": one.calls}
    for error, count in kinds.items():
        if count:
            yield {
                "service": service,
                "endpoint": endpoint,
                "error": error,
                "failed": count,
                "rate": 1 - one.failures / one.calls,
                "average": one.average_ms,
                "longest": (one.average_ms or 0) * 2,
                "begins": one.start,
                "ends": one.end,
            }
