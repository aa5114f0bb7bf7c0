"""How long calls took is counted by buckets in the windows, beside workers of an older release, too."""

import re
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


def keep(of: str, value: str) -> None:
    """Write what a worker of the release before would have kept of the first window."""
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        client.hset("{calcom}:windows", f"{FIELD}{of}", value)


def test_each_call_is_counted_in_its_bucket() -> None:
    """Up to each bound, the bound itself and beyond it, those that failed apart; Lua's bounds are Python's."""
    for bound in BOUNDS:
        call(bound)
        call(bound + 0.001)
        call(bound - 0.001, error="timeout")
    [window] = windows()
    assert window.times is not None
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


@pytest.mark.parametrize("times", [None, "60000 60000 0 b4"], ids=["no counts", "our counts of the day before"])
def test_a_window_that_an_older_release_has_begun_has_no_buckets(times: str | None) -> None:
    """Too few counts: none is better than wrong ones. Its calls and its average stand."""
    keep("", f"{T0}000 60000 4 400 100 1 timeout,")
    keep("/timeout", f"0 1 0 {T0}000 {T0}000 ")
    if times is not None:
        keep("/times", times)
    call(0.1)
    [window] = windows()
    assert (window.calls, window.average_ms, window.buckets) == (5, 100, None)


def test_an_older_release_counts_on_in_a_window_of_ours() -> None:
    """What it writes leaves our counts behind: too few."""
    call(0.1)
    start, size, calls, rest = kept()[FIELD].split(" ", 3)
    keep("", f"{start} {size} {int(calls) + 1} {rest}")
    [window] = windows()
    assert (window.calls, window.buckets) == (2, None)


def test_an_older_release_reads_our_windows() -> None:
    """By the patterns of its own: what is new it passes over, and it drops the rest as before."""
    call(0.1)
    call(30, error="timeout")
    cells = kept()
    read = [name for name in cells if re.fullmatch(r"\d+/([^/]+)", name)]
    assert read == [FIELD]
    start, size, *numbers, errors = cells[FIELD].split(" ", 6)
    assert [int(number) for number in (start, size, *numbers)] == [T0 * 1000, 60000, 2, 30100, 30000, 1]
    assert errors == "timeout,"
    dropped = [name for name, value in cells.items() if re.match(r"^(\d+) (\d+) \d+ \d+ \d+ \d+ (\S*)$", value)]
    assert dropped == [FIELD]
    assert set(cells) == {"run", "whole_from", FIELD, f"{FIELD}/timeout", f"{FIELD}/times"}


def test_what_is_written_is_dropped_with_its_buckets() -> None:
    """Nothing of a window stays."""
    call(0.1)
    call(30, error="timeout")
    assert len(windows()) == 1
    assert windows(written=T0 + 60) == []
    assert set(kept()) == {"run", "whole_from"}


def test_a_day_later_a_window_begins_anew() -> None:
    """Its place comes round again, with what a worker of the release before has left there."""
    call(0.1)
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        client.hdel("{calcom}:windows", FIELD)  # as it drops it
        run = client.register_script(scripts.assemble("count_calls"))
        run(scripts.stats_keys("calcom"), (60000, (T0 + 86400) * 1000, "slots none 0 2 100 50;", ""))
    [window] = dependencies.current().breaker.calls.closed_windows(now=T0 + 86400 + 3600)
    assert window.buckets == (2, *[0] * 12)
