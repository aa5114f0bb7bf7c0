"""Who watches beat speaks only after having been able to see for as long as beat was silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from db.monitoring.heartbeats import Heartbeat
from tasks.incidents.late_answers import LateAnswers
from worker import heartbeat

NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)


class Watched:
    """A beat whose last tick is as old as it is told, looked at by a clock that is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time, self.age, self.gone, self.told, self.every = 0.0, 100.0, False, 0, 5.0
        monkeypatch.setattr(heartbeat, "last_tick", self.tick)
        monkeypatch.setattr(heartbeat, "report_dead_beat", self.tell)
        monkeypatch.setattr(heartbeat, "release_held", lambda: 0)
        self.watcher = heartbeat.Watcher(clock=lambda: self.time)

    def tick(self) -> Heartbeat | None:
        """Return the last tick, unless Postgres is gone."""
        if self.gone:
            raise OperationalError("SELECT", {}, Exception("gone"))
        at = NOW - timedelta(seconds=self.age)
        return Heartbeat(at, at, self.every, NOW)

    def tell(self) -> Heartbeat | None:
        """Count that it was told."""
        self.told += 1
        return self.tick()

    def look_at(self, second: float) -> int:
        """Look at this moment, and return how often it was told until then."""
        self.time = second
        assert self.watcher.check() == 1.0
        return self.told


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watch a beat."""
    return Watched(monkeypatch)


def test_a_fleet_that_starts_beside_an_old_tick_gives_beat_the_time_to_start(watched: Watched) -> None:
    """Three intervals, not more."""
    assert [watched.look_at(second) for second in (1, 14.9, 15, 16)] == [0, 0, 1, 2]


def test_a_beat_that_ticks_is_not_told(watched: Watched) -> None:
    """Up to three intervals late."""
    watched.age = 15.0
    assert [watched.look_at(second) for second in (10, 20)] == [0, 0]
    watched.age = 15.1
    assert watched.look_at(21) == 1


@pytest.mark.parametrize(
    ("age", "every", "pause"),
    [
        (0.2, 5.0, 5.0),
        (9.9, 5.0, 5.0),
        (11.5, 5.0, 3.5),
        (14.5, 5.0, 1.0),
        (20.0, 5.0, 1.0),
        (1.0, 2.0, 2.0),
        (1.0, 60.0, 5.0),
    ],
)
def test_the_watch_sleeps_until_beat_may_be_dead(watched: Watched, age: float, every: float, pause: float) -> None:
    """But no longer than beat takes for a tick, so that it sees a Postgres in which nobody can tick."""
    watched.age, watched.every = age, every
    watched.time = 1.0
    assert watched.watcher.check() == pytest.approx(pause)


def test_who_stood_still_gives_beat_the_time_to_tick(watched: Watched) -> None:
    """A host that was frozen wakes to an old tick, and beat has been frozen with it."""
    assert watched.look_at(10) == 0
    assert [watched.look_at(second) for second in (1000, 1014, 1016)] == [0, 0, 1]


def test_a_postgres_that_comes_back_gives_beat_the_time_to_tick(watched: Watched) -> None:
    """Nobody ticks where nobody can write."""
    watched.gone = True
    assert watched.look_at(100) == 0
    watched.gone = False
    assert [watched.look_at(second) for second in (101, 114, 115)] == [0, 0, 1]


def test_the_watch_outlives_whatever_it_meets(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that died would be the silence that it is there to break."""

    def fail(*_: Any) -> None:
        raise RuntimeError("anything")

    monkeypatch.setattr(heartbeat, "last_tick", fail)
    assert watched.look_at(1000) == 0


@pytest.mark.parametrize("trouble", [OperationalError("SELECT", {}, Exception("gone")), RuntimeError("anything")])
def test_whatever_goes_wrong_with_redis_the_watch_of_beat_goes_on(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """It is the same thread."""
    asked = []

    def fail() -> bool:
        asked.append(1)
        raise trouble

    monkeypatch.setattr(heartbeat, "report_missing_redis", fail)
    heartbeat.check_redis(LateAnswers())
    assert asked == [1]
