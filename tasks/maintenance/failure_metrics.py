"""Write the counts of calls as rows of `failure_metrics`, which reports read, and add new counts to the totals."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from db.monitoring import failure_metrics, heartbeats, metric_totals
from db.monitoring.failure_metrics import RowKey
from db.monitoring.metric_totals import Total, Totals
from resilience.call_stats.windows import WITHOUT_ENDPOINT, Failures, Window
from resilience.error_types import ErrorType, Severity
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask

log = Logger(__name__)


@app.task(base=PeriodicTask, name="tasks.maintenance.failure_metrics.aggregate_failure_metrics")
def aggregate_failure_metrics() -> int:
    """Write the windows that are over and not yet written; return how many rows were new.

    The rows are the same however often and late this task runs. All windows of a service are written in one
    transaction, and dropped from Redis only when a later run finds them written. A window that has lost a part is
    written as `at_least`, and so is one that is wholly unknown.
    """
    deps = dependencies.current()
    new = sum(aggregate(deps, service) for service in deps.detector.services)
    others = (one.name for one in deps.services.in_use() if one != deps.services.own)
    new += sum(aggregate(deps.at_service(name), name) for name in others)
    with deps.engine.begin() as conn:
        metric_totals.tick(conn, every=deps.breaker.settings.count_window)
    if new:
        log.info("aggregated", rows=new)
    return new


def aggregate(deps: Dependencies, service: str) -> int:
    """Write the windows of a service: of one that the detector judges, or of that of `deps`.

    Of the latter a window that Redis has lost wholly leaves no row: the service may have been at rest.
    """
    engine, judged = deps.engine, service in deps.detector.services
    calls = deps.detector.calls(service) if judged else deps.breaker.calls
    with engine.connect() as conn:
        written = failure_metrics.written_until(conn, service)
        ticked = heartbeats.last_tick(conn, metric_totals.AGGREGATION)
    known = ticked.timestamp() if ticked and judged else None
    windows = calls.closed_windows(written.timestamp() if written else 0.0, known_until=known)
    if not windows:
        return 0
    with engine.begin() as conn:
        new = failure_metrics.write(conn, [row for window in windows for row in rows(service, window)])
        if service == deps.services.own.name:  # no total has a label for others
            metric_totals.add(conn, totals(windows, new))
    return len(new)


def totals(windows: Sequence[Window], new: set[RowKey]) -> Totals:
    """Count what is new in windows: failures by type, and calls by how long they took, answered or failed.

    A window's rows are written together, so its first row shows whether its calls are new.
    """
    counts = Counter[tuple[str, tuple[str, ...]]]()
    sums = dict[tuple[str, tuple[str, ...]], float]()
    for window in windows:
        of_window = [row for row in rows("", window) if _key(row) in new]
        for row in of_window:
            if row["error_type"] != ErrorType.NONE:
                counts[Total.FAILURES, (window.endpoint, row["error_type"])] += row["count"]
        if not of_window or not window.calls:
            continue
        failed_ms = window.times.failed_ms
        took = {"answered": window.average_ms * window.calls - failed_ms, "failed": failed_ms}
        for outcome, buckets in (("answered", window.times.answered), ("failed", window.times.failed)):
            name = window.endpoint, outcome
            for place, count in enumerate(buckets, start=1):
                counts[Total.REQUESTS, (*name, str(place))] += count
            total = Total.REQUESTS_SUM, name
            sums[total] = sums.get(total, 0.0) + max(0.0, took[outcome] / 1000)
    return {**counts, **sums}


def _key(row: dict[str, Any]) -> RowKey:
    return RowKey(row["endpoint"], row["error_type"], row["window_start"])


def rows(service: str, window: Window) -> Iterator[dict[str, Any]]:
    """Yield a window's rows: one for each error type, or the single row of a healthy window.

    Count, severity, occurrences and context are those of the error type; success rate and response times are those of
    all calls of the window.
    """
    about = {
        "service": service,
        "endpoint": None if window.endpoint == WITHOUT_ENDPOINT else window.endpoint,
        "success_rate": (window.calls - window.failures) / window.calls if window.calls else 1.0,
        "avg_response_time_ms": window.average_ms if window.calls else None,
        "max_response_time_ms": window.longest_ms if window.calls else None,
        "response_time_buckets": list(window.buckets) if window.calls else None,
        "at_least": window.at_least,
        "window_start": window.start,
        "window_end": window.end,
    }
    for one in window.errors:
        yield about | _failures(one)
    if not window.errors:
        nothing: dict[str, Any] = {"first_occurrence_at": None, "last_occurrence_at": None, "last_error_context": {}}
        yield about | nothing | {"error_type": ErrorType.NONE, "count": window.calls, "severity": Severity.LOW}


def _failures(one: Failures) -> dict[str, Any]:
    return {
        "error_type": one.error,
        "count": sum(one.severities),
        "severity": max(level for level, count in zip(Severity, one.severities, strict=True) if count),
        "first_occurrence_at": one.first_at,
        "last_occurrence_at": one.last_at,
        "last_error_context": dict(one.context),
    }
