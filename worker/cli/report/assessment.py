"""Compare a service with its own past: whether it is unusual now, and a forecast of the next hour."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.monitoring.failure_metrics import CallWindow, past_days
from worker.cli.report.baseline import RULE, Anomaly, Baseline, Measure, baseline, find_anomalies
from worker.cli.report.forecast import AHEAD, QUARTER, Forecast, forecast

DAYS = 28  # of history from which the usual is computed
FRESH = timedelta(minutes=10)  # older windows do not show the present: beat, or the aggregation, does not run


@dataclass(frozen=True, slots=True)
class Assessment:
    """The judgement of one service."""

    service: str
    usual: Baseline
    fresh: bool
    """Whether the newest window is recent enough to judge the present."""
    unusual: list[Anomaly]
    forecasts: list[Forecast]
    """Each quarter of the next hour, first failures, then latency; empty: there is too little history."""


def assess(conn: Connection, service: str, now: datetime) -> Assessment:
    """Judge a service by its stored windows. `now` is Postgres's, for workers' clocks differ."""
    history = past_days(
        conn, service, now, days=DAYS, before=RULE.around + RULE.span, after=max(AHEAD * QUARTER, RULE.around)
    )
    fresh = _fresh(history, now)
    expected = baseline(history, now)
    forecasts = [quarter for measure in Measure for quarter in forecast(history, now, measure)] if fresh else []
    return Assessment(service, expected, bool(fresh), find_anomalies(expected, fresh), forecasts)


def _fresh(history: Iterable[CallWindow], now: datetime) -> list[CallWindow]:
    today = [window for window in history if now - window.start < 2 * RULE.around]
    return today if today and now - today[-1].end <= FRESH else []
