"""Forecast the next hour: the usual figures, plus what is left by then of today's deviation from the usual.

Pure, like `baseline`. The deviation is the last quarter of an hour's, and it fades, for most incidents end; a slope
on top of it made every error larger. The error is the forecast's own: how far the same rule would have been wrong
at this time on past days. How it was chosen: docs/decisions/0011-unusual-is-judged-by-past-days.md.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from db.monitoring.failure_metrics import CallWindow
from worker.cli.report.baseline import DAY, Measure, Span, merge

QUARTER = timedelta(minutes=15)
LAST = -1  # the quarter that has just ended
AHEAD = 4  # quarters that are forecast
LEFT = 0.5  # of a deviation, a quarter later
LIKELY = 0.9  # share of past errors within the interval

Quarters = Mapping[int, float]  # by number: -1 the last one, 0 the next


@dataclass(frozen=True, slots=True)
class Forecast:
    """A quarter of an hour to come; `value`, `low` and `high` are a share, or ms."""

    measure: Measure
    ends: datetime
    value: float
    low: float
    high: float
    """The interval: from no deviation to the full deviation, widened by nine of ten past errors."""
    usual: float


def forecast(
    history: Iterable[CallWindow],
    now: datetime,
    measure: Measure,
    *,
    minimum_days: int = 5,
    minimum_calls: int = 20,
) -> list[Forecast]:
    """Forecast each quarter of the hour that begins `now`; empty: there is too little history.

    `history` holds today's last quarter, and that quarter and the hour after it on past days.
    """
    days = _quarters(history, now, measure, minimum_calls)
    today = days.pop(0, {})
    known = {n: [day[n] for day in days.values() if n in day] for n in range(LAST, AHEAD)}
    usual = {n: median(values) for n, values in known.items() if len(values) >= minimum_days}
    forecasts = []
    for ahead in range(AHEAD):
        value = expect(today, usual, ahead)
        past = [(day[ahead], expect(day, usual, ahead)) for day in days.values() if ahead in day]
        errors = sorted(abs(actual - expected) for actual, expected in past if expected is not None)
        if value is None or len(errors) < minimum_days:
            continue
        wide, over = errors[math.ceil(LIKELY * len(errors)) - 1], usual[ahead]
        stays = over + today[LAST] - usual[LAST]
        low, high = min(over, stays) - wide, max(over, stays) + wide
        ends = now + (ahead + 1) * QUARTER
        forecasts.append(Forecast(measure, ends, *(_read(measure, figure) for figure in (value, low, high, over))))
    return forecasts


def expect(day: Quarters, usual: Quarters, ahead: int) -> float | None:
    """Return the expected value of the quarter `ahead` (0: the next one); None: there is too little history."""
    if LAST not in day or LAST not in usual or ahead not in usual:
        return None
    left: float = LEFT ** (ahead + 1)
    return usual[ahead] + left * (day[LAST] - usual[LAST])


def _quarters(
    history: Iterable[CallWindow], now: datetime, measure: Measure, least: int
) -> dict[int, dict[int, float]]:
    days: dict[int, dict[int, list[CallWindow]]] = defaultdict(lambda: defaultdict(list))
    for window in history:
        day = round((now - window.start) / DAY)
        if day >= 0 and LAST <= (number := (window.start - now + day * DAY) // QUARTER) < AHEAD:
            days[day][number].append(window)
    return {day: _values(quarters, measure, least) for day, quarters in days.items()}


def _values(quarters: Mapping[int, list[CallWindow]], measure: Measure, least: int) -> dict[int, float]:
    values = {number: _value(merge(windows), measure, least) for number, windows in quarters.items()}
    return {number: value for number, value in values.items() if value is not None}


def _value(span: Span, measure: Measure, least: int) -> float | None:
    if span.calls < least:
        return None
    if measure is Measure.FAILURES:
        return span.rate
    return math.log(span.average_ms) if span.average_ms else None


def _read(measure: Measure, value: float) -> float:
    return min(1.0, max(0.0, value)) if measure is Measure.FAILURES else math.exp(value)
