"""Failures counted: a scripted hour of mixed traffic, against an independent count of the script, to the unit."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.maintenance import failure_metrics

T0 = 1_790_000_040  # the beginning of a minute
HOUR = 3600
ENDPOINTS = ("bookings.create", "bookings.list", "slots")
BOUNDS_MS = (50, 100, 250, 500, 1000, 1500, 2500, 5000, 10_000, 20_000, 30_000, 40_000, 10**9)
BAD = {"throttled": 1, "http_500": 2, "timeout": 2, "unreadable": 2, "connect": 3, "tls": 3}  # and how bad each is


@dataclass(frozen=True)
class Call:
    """One call of the script; seconds, except for `took`."""

    at: float
    endpoint: str
    error: str
    took: int

    @property
    def name(self) -> str:
        """Name it: its correlation id."""
        return f"{self.at:.3f}-{self.took}"

    @property
    def failed(self) -> bool:
        """Say whether it counts as a failure."""
        return self.error != "none"


def script(seed: int) -> list[Call]:
    """Write an hour: quiet minutes, busy ones, an incident of three kinds of errors, and a pause."""
    rng = random.Random(seed)  # noqa: S311 - the same hour every time
    calls = []
    for minute in range(60):
        if minute in (31, 32):
            continue  # nobody calls
        share = 0.6 if 20 <= minute < 26 else 0.02
        for _ in range(rng.choice((3, 20, 40))):
            error = rng.choice(list(BAD)) if rng.random() < share else "none"
            at = minute * 60 + rng.randrange(60_000) / 1000
            calls.append(Call(T0 + at, rng.choice(ENDPOINTS), error, rng.randrange(5, 9000)))
    return sorted(calls, key=lambda call: call.at)


def play(calls: list[Call]) -> None:
    """Report the calls as guarded calls do, each at its time."""
    breaker = dependencies.current().breaker
    for call in calls:
        permit = breaker.acquire(call.endpoint, owner=call.name, now=call.at)
        assert isinstance(permit, Permit)
        outcome = CallOutcome.FAILURE_ENDPOINT if call.failed else CallOutcome.SUCCESS
        about = {"correlation_id": call.name} if call.failed else None
        breaker.record(permit, outcome, reason=call.error, elapsed=call.took / 1000, context=about, now=call.at)


@pytest.fixture
def hour(settings: Callable[..., dict[str, str]]) -> list[Call]:
    """Play the hour."""
    settings()
    dependencies.current().breaker.acquire(
        "slots", owner="first", now=T0
    )  # Redis knows the breaker from the hour's beginning on
    calls = script(7)
    play([call for call in calls if call.at < T0 + 1800])
    return calls


def test_every_figure_of_the_detector_is_that_of_an_independent_count(hour: list[Call]) -> None:
    """Of the service and of each endpoint, at many moments of the hour."""
    detector = dependencies.current().detector
    seen = [call for call in hour if call.at < T0 + 1800]
    for now in (T0 + 1799.999, T0 + 1900.5, T0 + 2060.25):
        for endpoint in (None, *ENDPOINTS):
            mine = [call for call in seen if endpoint in (None, call.endpoint)]
            kept = [call for call in mine if int(now) - int(call.at) < 300]
            bad = [call for call in kept if call.failed]
            last = max((call.at for call in mine if call.failed), default=None)
            stats = detector.get_failure_stats("calcom", endpoint, now=now)
            assert (stats.calls, stats.total) == (len(kept), len(bad))
            assert stats.recent == sum(int(now) - int(call.at) < 60 for call in bad)
            assert stats.rate == (len(bad) / len(kept) if kept else 0)
            assert list(stats.severity_distribution.values()) == [
                sum(BAD[call.error] == level for call in bad) for level in (1, 2, 3)
            ]
            assert stats.last_failure_at == (last and datetime.fromtimestamp(round(last * 1000) / 1000, tz=UTC))
            assert stats.average_ms == (sum(call.took for call in kept) / len(kept) if kept else 0)
            assert stats.longest_ms == max((call.took for call in kept), default=0)


def test_every_column_of_failure_metrics_is_that_of_an_independent_count(hour: list[Call]) -> None:
    """Each window, each endpoint, each error type; nothing that did not happen."""
    play([call for call in hour if call.at >= T0 + 1800])
    failure_metrics.aggregate(dependencies.current(), "calcom")
    with dependencies.current().engine.connect() as conn:
        rows = conn.execute(text("SELECT * FROM failure_metrics WHERE service = 'calcom'")).mappings().all()
    found = {(row["window_start"], row["endpoint"], row["error_type"]): columns(row) for row in rows}
    assert found == counted(hour)
    assert len(found) > 150


def columns(row: Any) -> dict[str, Any]:
    """Give the columns that say what happened."""
    about = ("id", "service", "endpoint", "error_type", "window_start", "created_at", "updated_at")
    return {name: value for name, value in row.items() if name not in about}


def counted(calls: list[Call]) -> dict[tuple[datetime, str, str], dict[str, Any]]:
    """Count the script."""
    rows = {}
    for minute in range(60):
        start, end = T0 + minute * 60, T0 + minute * 60 + 60
        for endpoint in ENDPOINTS:
            window = [call for call in calls if start <= call.at < end and call.endpoint == endpoint]
            for error in {call.error for call in window}:
                if error == "none" and any(call.failed for call in window):
                    continue
                rows[moment(start), endpoint, error] = row(window, error, end)
    return rows


def row(window: list[Call], error: str, end: float) -> dict[str, Any]:
    """Count one error type in one window."""
    mine = [call for call in window if call.error == error]
    took = [call.took for call in window]
    bad = error != "none"
    return {
        "count": len(mine),
        "severity": BAD.get(error, 1),
        "success_rate": sum(not call.failed for call in window) / len(window),
        "avg_response_time_ms": sum(took) / len(took),
        "max_response_time_ms": max(took),
        "response_time_buckets": [sum(low < ms <= high for ms in took) for low, high in pairwise((-1, *BOUNDS_MS))],
        "first_occurrence_at": moment(mine[0].at) if bad else None,
        "last_occurrence_at": moment(mine[-1].at) if bad else None,
        "last_error_context": {"correlation_id": mine[-1].name} if bad else {},
        "window_end": moment(end),
        "at_least": False,
    }


def moment(seconds: float) -> datetime:
    """Read a time of the script, to the millisecond."""
    return datetime.fromtimestamp(round(seconds * 1000) / 1000, tz=UTC)
