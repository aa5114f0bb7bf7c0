"""The charts' columns, on one axis of time: the last hour, day or week. A gap is null."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from db.monitoring import charts
from db.monitoring.charts import CallStep, MinuteCounts, StateSpan
from db.snapshot import snapshot
from resilience.call_stats.buckets import quantile
from tasks.dependencies import Dependencies
from worker.page.query import asked_service
from worker.page.reading import SharedByKey, readers

FRESH = 10.0  # seconds
MEDIAN, SLOW = 0.5, 0.95
_now = partial(datetime.now, UTC)


@dataclass(frozen=True)
class ChartRange:
    """A period and its steps; it ends `behind` the present, so that its last step is counted when it is shown."""

    length: timedelta
    step: timedelta
    behind: timedelta = timedelta(0)


# The last minute of an hour may still be a gap; of a day, that would be the last of its points each minute.
RANGES: Mapping[str, ChartRange] = MappingProxyType(
    {
        "1h": ChartRange(timedelta(hours=1), timedelta(minutes=1)),
        "24h": ChartRange(timedelta(days=1), timedelta(minutes=10), behind=timedelta(minutes=2)),
        "7d": ChartRange(timedelta(days=7), timedelta(hours=1), behind=timedelta(minutes=2)),
    }
)


@cache
def shared_charts() -> SharedByKey[tuple[str, str | None], dict[str, Any]]:
    """Return this process's shared readings: of a range, and of the Cal.com at a host (None: that of the settings)."""
    return SharedByKey(lambda asked: readers().run(lambda deps: read(asked[0], deps, host=asked[1])), FRESH)


def read(
    name: str, deps: Dependencies, clock: Callable[[], datetime] = _now, *, host: str | None = None
) -> dict[str, Any]:
    """Read a range's columns; breakers and calls are those of the Cal.com at `host`, None: of that of the settings.

    Raises:
        HTTPError: 422, with a sentence: no account is there.
    """
    asked = RANGES[name]
    until = (clock() - asked.behind).replace(second=0, microsecond=0)
    since = until - asked.length
    with snapshot(deps.engine) as conn:
        service = asked_service(deps.services, host, conn).name
        counts = charts.minutes(conn, since, until, step=asked.step)
        calls = charts.failures(conn, service, since, until, step=asked.step)
        known_until = charts.calls_known_until(conn) or since
        spans = charts.breaker(conn, service, since)
    return {"range": name, "step": int(asked.step.total_seconds())} | columns(
        counts,
        calls,
        spans,
        host or service,
        until,
        known=[at + asked.step <= known_until for at in (one.at for one in counts)],
    )


def columns(
    counts: Sequence[MinuteCounts],
    calls: Sequence[CallStep],
    spans: Sequence[StateSpan],
    name: str,
    until: datetime,
    *,
    known: Sequence[bool],
) -> dict[str, Any]:
    """Return the columns, each as long as the axis; `known`: whether the calls of a step have been counted.

    `name` is what the breaker of all endpoints is called.
    """
    by_moment = {one.at: one for one in calls}
    on_axis = [by_moment.get(one.at) for one in counts]
    unsure = [_unsure(step, known=is_known) for step, is_known in zip(on_axis, known, strict=True)]
    return {
        "t": [int(one.at.timestamp()) for one in counts],
        "held": [one.held for one in counts],
        "booked": [one.confirmed for one in counts],
        "accepted": [one.accepted for one in counts],
        "failures": {
            kind: [_count(step, kind, level) for step, level in zip(on_axis, unsure, strict=True)]
            for kind in sorted({kind for step in calls for kind in step.failures})
        },
        "p50": [_quantile(step, MEDIAN) for step in on_axis],
        "p95": [_quantile(step, SLOW) for step in on_axis],
        "unsure": unsure,
        "breaker": _lanes(spans, name),
        "until": int(until.timestamp()),
    }


def _unsure(step: CallStep | None, *, known: bool) -> int:
    """Return 0 if all calls of a step are counted, 1 if it may have had more, 2 if nothing is known of it."""
    if step is None or not (step.buckets or step.failures):
        return 0 if known and step is None else 2
    return 0 if known and not step.at_least else 1


def _count(step: CallStep | None, kind: str, unsure: int) -> int | None:
    """Return how many calls failed so; None: nothing is known of the step."""
    return None if unsure == 2 else 0 if step is None else step.failures.get(kind, 0)


def _quantile(step: CallStep | None, share: float) -> float | None:
    seconds = None if step is None or step.buckets is None else quantile(step.buckets, share)
    return None if seconds is None else round(seconds, 3)


def _lanes(spans: Sequence[StateSpan], own: str) -> list[dict[str, Any]]:
    lanes: dict[str, list[dict[str, Any]]] = {own: []}
    for span in spans:
        end = None if span.until is None else round(span.until.timestamp(), 3)
        shown = {"from": round(span.since.timestamp(), 3), "to": end, "state": span.state}
        lanes.setdefault(span.endpoint or own, []).append(shown)
    return [{"name": name, "spans": states} for name, states in lanes.items()]
