"""Judge whether a service is unusual now, by its own past days at this time of day.

Pure: windows and a moment in, figures out. The usual is the median of the spans of five minutes around this time on
past days, and their spread the MAD (median absolute deviation), so that an outage last week changes neither. A window
that is missing is unknown. How `AnomalyRule` was chosen: docs/decisions/0011-unusual-is-judged-by-past-days.md.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from db.monitoring.failure_metrics import CallWindow

DAY = timedelta(days=1)
STEP = timedelta(minutes=1)  # between two judgements
SIGMA = 1.4826  # MAD of a normal distribution times this is its standard deviation


class Measure(StrEnum):
    """A measure that is judged."""

    FAILURES = "failures"  # share of calls
    LATENCY = "latency"  # mean, ms


@dataclass(frozen=True, slots=True)
class AnomalyRule:
    """When a deviation counts as unusual."""

    score: float = 3.5  # robust standard deviations above the usual
    consecutive: int = 2  # judgements in a row, a minute apart
    span: timedelta = timedelta(minutes=5)  # of one judgement
    around: timedelta = timedelta(minutes=30)  # what counts as this time of day on a past day
    minimum_calls: int = 20  # in a span; fewer are not judged
    minimum_failures: int = 3
    minimum_days: int = 5
    failures_above: float = 0.03  # of the usual share, absolute: less is too small to matter
    latency_above: float = 1.25  # times the usual
    latency_floor: float = 0.05  # of the spread of log(ms): 5 %


RULE = AnomalyRule()


@dataclass(frozen=True, slots=True)
class Span:
    """Calls of a few windows together."""

    calls: int
    failures: int
    average_ms: float | None

    @property
    def rate(self) -> float:
        """Share of calls that failed."""
        return self.failures / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Distribution:
    """Middle and spread on the scale where they are compared, and the middle as a person reads it."""

    middle: float
    spread: float
    value: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual at this time of day; None: there is too little history."""

    failures: Distribution | None
    latency: Distribution | None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One measure that is out of the usual; `now` and `usual` are a share, or ms."""

    measure: Measure
    now: float
    usual: float
    score: float
    """How many standard deviations above the usual, the least of the judgements in a row."""


def baseline(history: Iterable[CallWindow], now: datetime, rule: AnomalyRule = RULE) -> Baseline:
    """Return what is usual at this time of day; `history` may hold more than is needed."""
    days: dict[int, dict[int, list[CallWindow]]] = defaultdict(lambda: defaultdict(list))
    for window in history:
        age = now - window.start
        day = round(age / DAY)
        if day > 0 and abs(offset := age - day * DAY) <= rule.around:
            days[day][offset // rule.span].append(window)
    kept = {day: [span for windows in spans.values() if (span := merge(windows)).calls] for day, spans in days.items()}
    return Baseline(_failures(kept, rule), _latency(kept, rule))


def find_anomalies(expected: Baseline, recent: Sequence[CallWindow], rule: AnomalyRule = RULE) -> list[Anomaly]:
    """Return what is unusual at the end of `recent` (oldest first), in every one of the last few judgements."""
    if not recent:
        return []
    anomalies = []
    length = recent[-1].end - recent[-1].start  # windows longer than ours are judged one by one
    span, step = max(rule.span, length), max(STEP, length)
    ends = [recent[-1].end - n * step for n in range(rule.consecutive)]
    spans = [merge(window for window in recent if end - span < window.end <= end) for end in ends]
    for measure in Measure:
        scores = [score(expected, span, measure, rule) for span in spans]
        normal = expected.failures if measure is Measure.FAILURES else expected.latency
        least = min(-math.inf if value is None else value for value in scores)
        if normal is not None and least >= rule.score:
            value = spans[0].rate if measure is Measure.FAILURES else spans[0].average_ms or 0.0
            anomalies.append(Anomaly(measure, value, normal.value, least))
    return anomalies


def score(expected: Baseline, span: Span, measure: Measure, rule: AnomalyRule = RULE) -> float | None:
    """Return how many standard deviations a span lies above the usual; None: too few calls, or too little history.

    0 when the difference is too small to matter, however certain it is.
    """
    if span.calls < rule.minimum_calls:
        return None
    if measure is Measure.FAILURES:
        normal = expected.failures
        if normal is None:
            return None
        if span.failures < rule.minimum_failures or span.rate < normal.value + rule.failures_above:
            return 0.0
        # Counting noise alone spreads the scaled share by this, at every share.
        spread = max(normal.spread, 0.5 / math.sqrt(span.calls + 0.5))
        return (_scaled(span) - normal.middle) / spread
    normal = expected.latency
    if normal is None or not span.average_ms:
        return None
    if span.average_ms < normal.value * rule.latency_above:
        return 0.0
    return (math.log(span.average_ms) - normal.middle) / max(normal.spread, rule.latency_floor)


def merge(windows: Iterable[CallWindow]) -> Span:
    """Put windows together; latency is weighted by calls."""
    calls = failures = timed = 0
    spent = 0.0
    for window in windows:
        calls += window.calls
        failures += window.failures
        if window.average_ms is not None:
            timed += window.calls
            spent += window.calls * window.average_ms
    return Span(calls, failures, spent / timed if timed else None)


def _failures(days: dict[int, list[Span]], rule: AnomalyRule) -> Distribution | None:
    known = [spans for spans in days.values() if sum(span.calls for span in spans) >= rule.minimum_calls]
    if len(known) < rule.minimum_days:
        return None
    middle, spread = _middle([_scaled(span) for spans in known for span in spans])
    rates = [sum(span.failures for span in spans) / sum(span.calls for span in spans) for spans in known]
    return Distribution(middle, spread, median(rates))


def _latency(days: dict[int, list[Span]], rule: AnomalyRule) -> Distribution | None:
    known = [[math.log(span.average_ms) for span in spans if span.average_ms] for spans in days.values()]
    if sum(map(bool, known)) < rule.minimum_days:
        return None
    middle, spread = _middle([value for values in known for value in values])
    return Distribution(middle, spread, math.exp(middle))


def _middle(values: list[float]) -> tuple[float, float]:
    middle = median(values)
    return middle, SIGMA * median(abs(value - middle) for value in values)


def _scaled(span: Span) -> float:
    """Stretch a share so that counting noise is the same at every level (Anscombe's arcsine, 1948)."""
    return math.asin(math.sqrt((span.failures + 0.375) / (span.calls + 0.75)))
