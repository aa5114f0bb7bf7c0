"""How old the newest figures of the charts are, with real minutes, asked for at any second."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from db.monitoring.charts import CallStep, MinuteCounts, breaker, minutes
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.maintenance import booking_minutes
from tasks.ticks.work import WORK
from worker.page.charts import FRESH, RANGES, columns, read

LOOKS = 3  # of the counting, until what stood before the first of them is known to be whole
[EVERY] = [work.every for work in WORK if work.task == booking_minutes.count_minutes.name]
LAG = timedelta(seconds=LOOKS * EVERY)
OLDEST = {"1h": 90, "24h": 210, "7d": 210}  # seconds; a day's last step is whole when it is shown, so it ends earlier
MINUTES = 5


@pytest.fixture
def counted(settings: Callable[..., dict[str, str]], record: Any) -> tuple[Dependencies, datetime]:
    """Have a booking asked for in each of the last minutes, and counted as beat has it done; return up to when."""
    settings()
    deps = dependencies.current()
    for ago in range(1, MINUTES + 1):
        record.write(record.keep().id, created_at=timedelta(minutes=-ago))
    booking_minutes.count(deps)
    with record.engine.connect() as conn:
        began = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    for _ in range(LOOKS):
        booking_minutes.count(deps)
    with record.engine.connect() as conn:
        until = conn.execute(text("SELECT counted_until FROM counted_bookings")).scalar_one()
    assert until >= began
    return deps, until


def count_until(conn: Connection, moment: datetime) -> None:
    """Move up to where it is counted: what stands in each minute stays as it was counted."""
    conn.execute(text("UPDATE counted_bookings SET counted_until = :moment"), {"moment": moment})


def test_nothing_is_drawn_from_before_the_system_was_there(counted: tuple[Dependencies, datetime], record: Any) -> None:
    """Neither a closed breaker nor "0 asked for": the first change and the first minute that is kept begin both."""
    _, until = counted
    minute = until.replace(second=0, microsecond=0)
    began = minute - timedelta(minutes=30)
    change = (
        "INSERT INTO circuit_breaker_events (service, endpoint, old_state, new_state, reason, epoch, created_at)"
        " VALUES ('calcom', :endpoint, 'closed', :state, 'begun', :epoch, :at)"
    )
    with record.engine.begin() as conn:
        conn.execute(text(change), {"endpoint": None, "state": "closed", "epoch": 1, "at": began})
        late = began + timedelta(minutes=5)
        conn.execute(text(change), {"endpoint": "slots", "state": "open", "epoch": 2, "at": late})

        spans = breaker(conn, "calcom", minute - timedelta(hours=1))
        accepted = [one.accepted for one in minutes(conn, minute - timedelta(hours=1), minute)]

    assert [(one.endpoint, one.state, one.since) for one in spans] == [
        (None, "closed", began),
        ("slots", "closed", began),
        ("slots", "open", late),
    ]
    first = next(place for place, count in enumerate(accepted) if count is not None)
    assert (first, None in accepted[first:]) == (60 - MINUTES, False)


def test_a_minute_is_sure_a_least_or_not_known() -> None:
    """A minute without a call has no failure; one that lacks calls, or is not counted yet, says so."""
    at = [datetime(2030, 3, 1, 12, minute, tzinfo=UTC) for minute in range(5)]
    counts = [MinuteCounts(one, *([0] * 8)) for one in at]
    calls = [
        CallStep(at[1], {"timeout": 2}, (3, 1)),
        CallStep(at[2], {"timeout": 1}, (1,), at_least=True),
        CallStep(at[3], {}, None, at_least=True),
    ]

    found = columns(counts, calls, [], "calcom", at[4], known=[True] * 4 + [False])

    assert found["unsure"] == [0, 0, 1, 2, 2]
    assert found["failures"] == {"timeout": [0, 2, 1, None, None]}


@pytest.mark.parametrize("name", RANGES)
def test_the_newest_full_minute_is_shown_whatever_second_it_is(
    counted: tuple[Dependencies, datetime], record: Any, name: str
) -> None:
    """The minute that goes on, the looks of the counting and the time that an answer is kept for: no more."""
    deps, until = counted
    minute = until.replace(second=0, microsecond=0)
    for second in range(60):
        asked_at = minute + timedelta(seconds=second)
        with record.engine.begin() as conn:
            count_until(conn, asked_at - LAG)

        charts = read(name, deps, clock=lambda now=asked_at: now)

        shown = [at for at, accepted in zip(charts["t"], charts["accepted"], strict=True) if accepted is not None]
        newest = min(shown[-1] + charts["step"], charts["until"])
        assert asked_at.timestamp() + FRESH - newest <= OLDEST[name], f"asked at second {second}"
        assert any(charts["accepted"]), "the minutes are real ones"
