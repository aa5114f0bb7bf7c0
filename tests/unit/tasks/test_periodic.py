"""Ticks that piled up run once, whatever the clocks say; a database that fails periodic tasks is said once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from sqlalchemy.exc import OperationalError, ProgrammingError

from resilience.exceptions import AppointmentDatabaseException
from tasks.host import periodic
from tasks.host.periodic import TICK, Pace, PeriodicTask
from tests.support.logged import logged
from worker.schedule import schedule

Deliver = Callable[..., Any]


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def deliver(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], list[Any], Deliver]]:
    """Hand out the runs that took place, what the next ones raise, and a way to have a worker run a message."""
    monkeypatch.setattr(periodic, "_outage", periodic._Outage())  # noqa: SLF001 - a process that has failed at nothing
    app = Celery("periodic", set_as_current=False)
    ran: list[str] = []
    raises: list[Any] = []

    def work() -> None:
        ran.append("ran")
        if raises and (error := raises.pop(0)) is not None:
            raise error

    names = iter(range(1000))
    tasks = {name: app.task(work, base=PeriodicTask, name=name, shared=False) for name in ("one", "other")}

    def run(name: str = "one", **headers: Any) -> Any:
        tracer = build_tracer(name, tasks[name], app=app)
        return tracer(str(next(names)), (), {}, request={"id": name, "delivery_info": {}, **headers})

    yield ran, raises, run
    app.close()


def test_of_ticks_that_piled_up_one_runs() -> None:
    """However many there are, and then the one of the next interval."""
    clock = Clock()
    pace = Pace(clock)
    begun = []
    for _ in range(3000):
        if pace.begin(5.0):
            begun.append(clock.now)
            pace.end()
        clock.now += 0.001
    assert begun == [pytest.approx(100.0), pytest.approx(102.5)]


def test_a_tick_that_finds_the_last_one_at_work_is_dropped() -> None:
    """It does what there is to do, however long it takes."""
    clock = Clock()
    pace = Pace(clock)
    assert pace.begin(1.0)
    clock.now += 60
    assert not pace.begin(1.0)
    pace.end()
    assert pace.begin(1.0)


def test_ticks_that_come_early_and_late_all_run() -> None:
    """A queue is no clock: each second's tick is its own."""
    clock = Clock()
    pace = Pace(clock)
    for late in (0.0, 0.4, 0.0, 0.3, 0.1):
        clock.now = round(clock.now) + 1 + late
        assert pace.begin(1.0)
        pace.end()


def test_a_worker_drops_ticks_and_runs_whatever_was_sent_for_its_own_moment(deliver: Any) -> None:
    """The release at the end of OPEN must not be taken for the tick that came just before it."""
    ran, _, run = deliver
    for _ in range(5):
        run(**{TICK: 1.0})
    assert len(ran) == 1
    run()
    assert len(ran) == 2


def test_nothing_that_beat_sends_depends_on_a_clock() -> None:
    """An `expires` is a moment of beat's clock, and the worker's may be another."""
    for entry in schedule(3).values():
        assert entry["options"] == {"queue": "maintenance", "headers": {TICK: entry["schedule"]}}


def test_a_database_that_is_gone_is_said_in_one_line_and_once_when_it_is_back(deliver: Any) -> None:
    """Not by each task at each tick, and without a traceback."""
    _, raises, run = deliver
    gone = OperationalError("SELECT 1", {}, Exception("gone"))
    with logged() as lines:
        raises += [gone, gone, gone]
        ended = [run("one"), run("other"), run("one")]
        during = [line["event"] for line in lines]
        run("one")
        run("other")
    assert [type(each.info.retval) for each in ended] == [AppointmentDatabaseException] * 3
    assert during == ["periodic_tasks_wait_for_postgres"]
    assert [line["event"] for line in lines] == ["periodic_tasks_wait_for_postgres", "periodic_tasks_go_on"]
    assert isinstance(ended[0].info.retval, PeriodicTask.throws), "Celery's own line has no traceback"


def test_a_fault_of_ours_keeps_its_traceback(deliver: Any) -> None:
    """A statement that is wrong is no outage."""
    _, raises, run = deliver
    wrong = ProgrammingError("SELECT", {}, Exception("wrong"))
    wrong.orig.sqlstate = "42601"  # type: ignore[union-attr]
    raises.append(wrong)
    with logged() as lines:
        ended = run("one")
    assert ended.info.retval is wrong
    assert lines == []
