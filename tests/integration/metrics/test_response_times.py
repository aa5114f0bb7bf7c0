"""How long calls took is counted by buckets in the windows."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from sqlalchemy import text

from resilience.call_stats.buckets import BOUNDS
from resilience.call_stats.windows import Window
from resilience.circuit_breaker.types import CallOutcome, Permit
from resilience.shared_state import scripts
from tasks import dependencies
from tasks.maintenance import failure_metrics

T0 = 1_790_000_040  # the beginning of a minute
SLOT = T0 // 60 % 1440
FIELD = f"{SLOT}/slots"


@pytest.fixture(autouse=True)
def begun(settings: Callable[..., dict[str, str]]) -> None:
    """Begin the breaker with the first minute."""
    settings()
    dependencies.current().breaker.acquire("slots", owner="first", now=T0)


def call(elapsed: float, *, at: float = T0 + 5, error: str = "none") -> None:
    """Make one guarded call."""
    breaker = dependencies.current().breaker
    permit = breaker.acquire("slots", owner=f"{at} {elapsed}", now=at)
    assert isinstance(permit, Permit)
    outcome = CallOutcome.SUCCESS if error == "none" else CallOutcome.FAILURE_ENDPOINT
    breaker.record(permit, outcome, reason=error, elapsed=elapsed, now=at)


def windows(written: float = 0.0) -> list[Window]:
    """Read the windows that are over an hour later."""
    return dependencies.current().breaker.calls.closed_windows(written, now=T0 + 3600)


def kept() -> dict[str, str]:
    """Read what Redis keeps of the windows."""
    with redis.Redis.from_url(dependencies.current().broker_url, decode_responses=True) as client:
        cells: dict[str, str] = client.hgetall("{calcom}:windows")  # type: ignore[assignment]
        return cells


def test_each_call_is_counted_in_its_bucket() -> None:
    """Up to each bound, the bound itself and beyond it, those that failed apart; Lua's bounds are Python's."""
    for bound in BOUNDS:
        call(bound)
        call(bound + 0.001)
        call(bound - 0.001, error="timeout")
    [window] = windows()
    assert window.times.answered == (1, *[2] * 11, 1)
    assert window.times.failed == (*[1] * 12, 0)
    assert window.times.failed_ms == sum(round(1000 * bound) - 1 for bound in BOUNDS)
    assert window.buckets == (2, *[3] * 11, 1)


def test_every_row_of_a_window_has_its_buckets() -> None:
    """As it has the average: one row an error type, or the one of a healthy window."""
    call(0.3)
    call(30, error="timeout")
    call(0.02, error="http_503")
    call(0.8, at=T0 + 65)
    assert failure_metrics.aggregate(dependencies.current(), "calcom") == 3
    with dependencies.current().engine.connect() as conn:
        rows: list[Any] = list(conn.execute(text("SELECT * FROM failure_metrics ORDER BY window_start, error_type")))
    first = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert [(row.error_type, row.response_time_buckets) for row in rows] == [
        ("http_503", first),
        ("timeout", first),
        ("none", [0, 0, 0, 0, 1, *[0] * 8]),
    ]


def test_statements_kept_back_for_a_second_are_counted_by_buckets() -> None:
    """Many at once, each in its bucket."""
    calls = dependencies.current().breaker.calls
    for elapsed in (0.01, 0.02, 0.2, 0.01, 7):
        calls.count_success("select", elapsed=elapsed)
    calls.flush(now=T0 + 5)
    [window] = windows()
    assert (window.calls, window.average_ms, window.longest_ms) == (5, 1448, 7000)
    assert window.buckets == (3, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)


def test_what_is_written_is_dropped_with_its_buckets() -> None:
    """Nothing of a window stays."""
    call(0.1)
    call(30, error="timeout")
    assert len(windows()) == 1
    assert windows(written=T0 + 60) == []
    assert set(kept()) == {"run", "whole_from"}


def test_a_day_later_a_window_begins_anew() -> None:
    """Its place comes round again, with what was left there."""
    call(0.1)
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        client.hdel("{calcom}:windows", FIELD)  # as it drops it
        run = client.register_script(scripts.assemble("count_calls"))
        run(scripts.stats_keys("calcom"), (60000, (T0 + 86400) * 1000, "slots none 0 2 100 50;", ""))
    [window] = dependencies.current().breaker.calls.closed_windows(now=T0 + 86400 + 3600)
    assert window.buckets == (2, *[0] * 12)
