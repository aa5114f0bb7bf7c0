"""How a service does beside its own past, from the record: unusual now or not, and what the next hour should bring."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.monitoring.failure_metrics import CallWindow, past_days
from tasks.health.baseline import RULE, Measure, Unusual, Usual, judge, usual
from tasks.health.forecast import AHEAD, QUARTER, Forecast, forecast

DAYS = 28  # that say what is usual
FRESH = timedelta(minutes=10)  # older windows say nothing of now: beat, or the aggregation, stands still


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can be said of a service."""

    service: str
    usual: Usual
    fresh: bool
    """Whether the newest window is recent enough to speak of now."""
    unusual: list[Unusual]
    forecasts: list[Forecast]
    """Each quarter of the next hour, of failures and then of latency; empty: too little is known."""


def outlook(conn: Connection, service: str, now: datetime) -> Outlook:
    """Read the record and judge. `now` is Postgres's, for workers' clocks differ."""
    history = past_days(
        conn, service, now, days=DAYS, before=RULE.around + RULE.span, after=max(AHEAD * QUARTER, RULE.around)
    )
    fresh = _fresh(history, now)
    level = usual(history, now)
    forecasts = [one for measure in Measure for one in forecast(history, now, measure)] if fresh else []
    return Outlook(service, level, bool(fresh), judge(level, fresh), forecasts)


def unusual(conn: Connection, service: str, now: datetime) -> list[Unusual]:
    """Say what of a service is unusual now; empty: nothing, or too little is known."""
    return outlook(conn, service, now).unusual


def _fresh(history: Iterable[CallWindow], now: datetime) -> list[CallWindow]:
    today = [window for window in history if now - window.start < 2 * RULE.around]
    return today if today and now - today[-1].end <= FRESH else []
