"""The baseline tells an incident from noise and says nothing of the unknown; a forecast knows its own error."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.monitoring.failure_metrics import CallWindow
from tests.support.metrics import MINUTE, days, window
from worker.cli.report.baseline import RULE, Anomaly, Measure, baseline, find_anomalies
from worker.cli.report.forecast import Forecast, forecast

ROOT = Path(__file__).parents[3]
NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


def lately(minutes: int = 20, **what: Any) -> list[CallWindow]:
    """Make the windows of the last minutes."""
    return [window(NOW - n * MINUTE, **what) for n in range(minutes, 0, -1)]


def judged(recent: list[CallWindow], history: list[CallWindow] | None = None) -> list[Anomaly]:
    """Judge against ten days of 1 % failures and a second for a call."""
    return find_anomalies(baseline(days(NOW, failures=1) if history is None else history, NOW), recent)


def hour(history: list[CallWindow], recent: list[CallWindow], measure: Measure = Measure.FAILURES) -> list[Forecast]:
    """Forecast."""
    return forecast([*history, *recent], NOW, measure)


def test_more_failures_than_usual_are_unusual() -> None:
    """8 % where 1 % is usual, long before the detector's 25 %; and both are told."""
    [found] = judged(lately(failures=8))

    assert (found.measure, found.now, found.usual) == (Measure.FAILURES, 0.08, 0.01)
    assert found.score > RULE.score


def test_slower_than_usual_is_unusual() -> None:
    """Twice as slow, without a failure."""
    [found] = judged(lately(failures=1, average_ms=2000.0))

    assert (found.measure, found.now, round(found.usual)) == (Measure.LATENCY, 2000.0, 1000)


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_what_is_usual_or_better_is_not_unusual(failures: int) -> None:
    """Nor is a difference that is too small to be worth a look."""
    assert judged(lately(failures=failures, average_ms=1100.0)) == []


def test_what_is_usual_at_this_hour_is_not_unusual() -> None:
    """A nightly job that fails every night at this time is no news; at noon it would be."""
    assert judged(lately(failures=8), days(NOW, failures=8)) == []


def test_an_outage_last_week_does_not_become_usual() -> None:
    """Four days of ten were bad; the median does not care."""
    history = [*days(NOW, 4, failures=60), *days(NOW - timedelta(days=4), 6, failures=1)]

    assert judged(lately(failures=8), history)


def test_a_blip_is_not_unusual() -> None:
    """One judgement says nothing: a few in a row are needed."""
    assert judged([*lately(failures=1)[:-1], window(NOW - MINUTE, failures=30)]) == []


def test_a_handful_of_failures_in_few_calls_is_noise() -> None:
    """3 of 25 happens by chance at 1 %, though 30 of 250 would not."""

    def some(calls: int, failures: int) -> list[CallWindow]:
        """Let three windows fail that are in both judgements."""
        recent = lately(calls=calls)
        return [*recent[:-4], *(replace(one, failures=failures) for one in recent[-4:-1]), recent[-1]]

    assert judged(some(calls=5, failures=1), days(NOW, calls=5)) == []
    assert judged(some(calls=50, failures=10), days(NOW, calls=50)) != []


def test_too_few_calls_say_nothing() -> None:
    """Three of three failed at night: the breaker's matter, not the trend's."""
    assert judged(lately(calls=3, failures=3)) == []


def test_too_few_days_say_nothing() -> None:
    """A service that was new on Monday has no usual on Wednesday."""
    normal = baseline(days(NOW, RULE.minimum_days - 1), NOW)

    assert (normal.failures, normal.latency) == (None, None)
    assert judged(lately(failures=90), days(NOW, RULE.minimum_days - 1, failures=1)) == []


def test_a_gap_is_unknown_and_not_zero() -> None:
    """Windows that were lost change neither what is usual nor what is now."""
    history, recent = days(NOW, failures=8), lately(failures=8)

    assert {one.failures.value for one in (baseline(history[::3], NOW), baseline(history, NOW)) if one.failures} == {
        0.08
    }
    assert judged([], days(NOW, failures=1)) == []
    assert judged(recent[::2]) != []
    assert judged([replace(one, average_ms=None) for one in lately(failures=1)]) == []


def test_windows_longer_than_ours_are_judged_one_by_one() -> None:
    """METRICS_AGGREGATE_SECONDS may be ten minutes: two such windows in a row are needed."""
    wide = [CallWindow(NOW - n * 10 * MINUTE, NOW - (n - 1) * 10 * MINUTE, 1000, 80, 1000.0) for n in (2, 1)]

    assert judged(wide) != []
    assert judged([replace(wide[0], failures=10), wide[1]]) == []


def test_the_forecast_of_a_usual_day_is_the_usual() -> None:
    """Each quarter of the next hour, with no error where there was none."""
    quarters = hour(days(NOW, failures=2), lately(failures=2))

    assert [one.ends - NOW for one in quarters] == [n * 15 * MINUTE for n in (1, 2, 3, 4)]
    assert {(round(one.value, 3), round(one.low, 3), round(one.high, 3)) for one in quarters} == {(0.02, 0.02, 0.02)}


def test_a_deviation_fades_and_may_stay() -> None:
    """Halfway back after a quarter of an hour; the interval reaches from the usual to where it is now."""
    first, *_, last = hour(days(NOW, failures=2), lately(failures=22))

    assert [round(one, 3) for one in (first.value, first.low, first.high, first.usual)] == [0.12, 0.02, 0.22, 0.02]
    assert last.value < first.value


def test_the_error_is_that_of_past_days() -> None:
    """Days that differ make a wide interval; latency is compared as a ratio."""
    slow = [
        one.start >= NOW.replace(day=one.start.day, month=one.start.month) and one.start.day % 2 for one in days(NOW)
    ]
    history = [replace(one, average_ms=1500.0 if late else 1000.0) for one, late in zip(days(NOW), slow, strict=True)]
    [first, *_] = hour(history, lately(), Measure.LATENCY)

    assert first.high / first.low > 1.4


def test_no_forecast_without_today_or_a_past() -> None:
    """Nothing is made up."""
    assert hour([], lately()) == hour(days(NOW), []) == hour(days(NOW, 3), lately()) == []


def test_hits_and_false_alarms_on_invented_weeks() -> None:
    """Five weeks with incidents of five shapes: most are told, hardly anything else is, ramps minutes ahead.

    The bounds leave room beside what docs/decisions/0011-unusual-is-judged-by-past-days.md reports; the seed is fixed.
    """
    quick = ["--judged", "2", "--busiest", "30", "--forecasts", "40", "--seed", "7", "--json"]
    command = [sys.executable, "benchmarks/trend/trend.py", *quick]
    ran = subprocess.check_output(command, cwd=ROOT, text=True, timeout=60)
    seen = json.loads(ran)
    error, within = seen["forecast_mean_error"], seen["forecast_within_its_interval"]

    assert seen["incidents"] >= 10
    assert seen["hit_rate"] >= 0.85
    assert seen["false_alarms_a_week"] <= 0.5
    assert seen["median_lead_minutes"]["ramp"] >= 5
    assert error["latency, quiet"] < error["latency, quiet, the usual instead"]
    assert min(within["failures, quiet"], within["latency, quiet"]) >= 0.85
