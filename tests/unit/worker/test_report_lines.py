"""The checklist's judgements, figures in and lines out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer

from db.lifecycle import HoldReason, Status, Strategy
from db.monitoring.report import BookingCount, ConfirmationTimes, IncidentCount, SlowStatement, TableSize
from db.monitoring.status_queries import HoldSummary
from tests.support.metrics import MINUTE, window
from worker.cli.report.assessment import Assessment
from worker.cli.report.baseline import Anomaly, Baseline, Distribution, Measure
from worker.cli.report.figures import ReportFigures, Success
from worker.cli.report.lines import ReportLimits, lines
from worker.cli.report.period import period
from worker.cli.report.words import Line, percent

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LIMITS = ReportLimits(deadline=40, max_age=900, retention_days=90)
LEVEL = Distribution(0.2, 0.05, 0.01)
WELL = ReportFigures(
    since=NOW - DAY,
    until=NOW,
    breaker=[(NOW - DAY, "closed")],
    booked=[
        BookingCount(Status.CONFIRMED, None, at_first=True, count=95),
        BookingCount(Status.CONFIRMED, Strategy.EXPONENTIAL_BACKOFF, at_first=False, count=4),
        BookingCount(Status.REJECTED, None, at_first=False, count=1),
        BookingCount(Status.CANCELLED, None, at_first=False, count=50),
        BookingCount(Status.HELD, None, at_first=False, count=50),
    ],
    earlier_since=NOW - 2 * DAY,
    earlier=Success(ended=100, confirmed=99, at_first=90),
    waits=ConfirmationTimes(99, (2.0, 8.0, 30.0)),
    outlooks=[Assessment("calcom", Baseline(LEVEL, None), fresh=True, unusual=[], forecasts=[])],
    calls={"calcom": [window(NOW - HOUR, failures=1)]},
    alerts=[],
    slowest=[SlowStatement("select.appointments", 999.0)],
    redis_trouble=None,
    held=[HoldSummary(HoldReason.BREAKER_OPEN, 3, NOW - 10 * MINUTE, NOW - 10 * MINUTE, None)],
    oldest_metric=NOW - 90 * DAY,
    sizes=[TableSize("appointments", 1_200_000, 400_000_000)],
    log_bytes=12_000_000,
)


def said(limits: ReportLimits = LIMITS, **changes: Any) -> dict[str, Line]:
    """Give the lines by name."""
    return {line.name: line for line in lines(replace(WELL, **changes), limits)}


def test_a_good_day_misses_no_target() -> None:
    """Each line says what was seen; cancelled bookings, and those on their way, count as neither."""
    seen = said()

    assert [line.name for line in seen.values() if line.ok is False] == []
    assert seen["at first try"].said == "95.0 % confirmed by the first call (95 of 100)"
    assert seen["in the end"].said == "99.0 % confirmed (99 of 100); earlier 99.0 %"
    assert seen["confirmed within"].said == "half 2 s, 95 % 8 s, 99 % 30 s"
    assert seen["held now"].said == "3 breaker open; oldest for 10 min"
    assert seen["rows"].said == "appointments 1,200,000 (400 MB)"
    assert seen["log file"].said == "12 MB"


MISSED: dict[str, dict[str, Any]] = {
    "breaker closed": {"breaker": [(NOW - DAY, "closed"), (NOW - HOUR, "open")]},
    "at first try": {"booked": [BookingCount(Status.CONFIRMED, None, at_first=n > 20, count=1) for n in range(100)]},
    "in the end": {"earlier": Success(ended=100_000, confirmed=99_999, at_first=0)},
    "confirmed within": {"waits": ConfirmationTimes(99, (2.0, 41.0, 90.0))},
    "Cal.com now": {
        "outlooks": [replace(WELL.outlooks[0], unusual=[Anomaly(Measure.FAILURES, now=0.2, usual=0.01, score=9.0)])]
    },
    "alerts": {"alerts": [IncidentCount("degraded", 2, 1)]},
    "slowest SQL": {"slowest": [SlowStatement("select.appointments", 1001.0)]},
    "Redis": {"redis_trouble": "connection refused"},
    "held now": {"held": [replace(WELL.held[0], oldest_held_at=NOW - 16 * MINUTE)]},
    "rows": {"oldest_metric": NOW - 93 * DAY},
}


@pytest.mark.parametrize("name", [name for name in MISSED if name != "at first try"])
def test_a_missed_target_asks_for_a_look(name: str) -> None:
    """That line and no other, and it says what to do."""
    seen = said(**MISSED[name])

    assert [line.name for line in seen.values() if line.ok is False] == [name]
    assert seen[name].do
    assert seen[name].target


@pytest.mark.parametrize(("enough", "ok"), [(81, True), (80, False)])
def test_more_than_eighty_percent_go_through_at_first(enough: int, ok: Any) -> None:
    """80 % exactly is not over 80 %."""
    booked = [
        BookingCount(Status.CONFIRMED, None, at_first=True, count=enough),
        BookingCount(Status.CONFIRMED, Strategy.EXPONENTIAL_BACKOFF, at_first=False, count=100 - enough),
    ]

    assert said(booked=booked)["at first try"].ok is ok


def test_a_fall_that_chance_explains_is_none() -> None:
    """One more refusal of a hundred is no news; the same share of many is."""
    many = [replace(one, count=one.count * 1000) for one in WELL.booked]

    assert said(earlier=Success(ended=100, confirmed=100, at_first=0))["in the end"].ok is True
    assert said(booked=many, earlier=Success(ended=100_000, confirmed=100_000, at_first=0))["in the end"].ok is False


def test_what_is_not_known_is_not_judged() -> None:
    """Nothing was asked for, counted or kept: no line is ok, and none is missed for that."""
    calm = {"booked": [], "waits": ConfirmationTimes(0, ()), "slowest": [], "calls": {"calcom": []}}
    seen = said(**calm, outlooks=[replace(WELL.outlooks[0], fresh=False)])

    assert {line.name for line in seen.values() if line.ok is None} == {
        "bookings",
        "confirmed within",
        "Cal.com now",
        "slowest SQL",
        "log file",
    }


def test_time_is_shared_out_among_states() -> None:
    """To the second."""
    changes = [(NOW - DAY, "open"), (NOW - 18 * HOUR, "half_open"), (NOW - 12 * HOUR, "closed"), (NOW - HOUR, "off")]
    line = said(breaker=changes)["breaker closed"]

    assert line.said == "45.8 % of the time, open 6 h, half-open 6 h, off 60 min"


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    """99.96 % is not 100 %."""
    assert [percent(share) for share in (0, 1, 0.5, 0.9996, 0.0004)] == ["0 %", "100 %", "50.0 %", "99.96 %", "0.04 %"]


@pytest.mark.parametrize(
    ("text", "span"), [("90m", timedelta(minutes=90)), ("24h", DAY), (" 7D ", 7 * DAY), ("400d", 400 * DAY)]
)
def test_a_period_is_a_number_with_its_unit(text: str, span: timedelta) -> None:
    """As one types it."""
    assert period("--since", text) == span


@pytest.mark.parametrize("text", ["", "24", "h", "0h", "-1h", "1.5h", "24x", "401d", "999999d", "\uff11d", "1h30m"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    """The message says which option, and what would do."""
    with pytest.raises(typer.BadParameter, match=r"^--since: .* is no duration; give .* 90m, 24h, 7d$"):
        period("--since", text)


def test_every_line_fits_a_narrow_terminal() -> None:
    """Details are not wrapped: 74 characters stand beside the mark in 80 columns."""
    rows: list[str] = [row for changes in MISSED.values() for line in said(**changes).values() for row in line.details]

    assert max(map(len, rows)) <= 74
