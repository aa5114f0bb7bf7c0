"""What an idle minute costs, and that each task runs as soon as it has something to do, whatever that is."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import ChangeStatus, HoldReason, Status
from db.monitoring import overrides
from db.monitoring.breaker_events import latest
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.maintenance import breaker_transitions
from tasks.operations import breaker_overrides
from tasks.ticks import due
from tasks.ticks.work import WORK, Periods
from tests.integration.changes.test_db_changes import booked, change, claim
from tests.support.accounts.making import make_account
from tests.support.callbacks import hints
from tests.support.callbacks.callers import LOOPBACK, confirmed, key_with, sql
from tests.support.changes import held_change
from tests.support.statements import statements
from worker import app
from worker.celery_app import MAINTENANCE
from worker.console import broker
from worker.heartbeat import Watcher
from worker.schedule import schedule

ALWAYS = {"count_minutes"}
RESCUE, EXPIRE, RELEASE, ASK = "rescue_stranded", "expire_held", "release_held", "ask_again"
LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)
OVER = text("now() - interval '1 second'")
HELD = {"status": Status.HELD, "held_at": timedelta(seconds=-10), "enqueued_at": None}
MESSAGES, STATEMENTS = 110, 330  # of an idle minute
Made = Callable[[Any], object]


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)
    app.loader.import_default_modules()
    dependencies.current().breaker.get_status()


def started(periods: Periods | None = None) -> set[str]:
    """Look once, and return what is started."""
    return {name.rpartition(".")[2] for name in due.start(dependencies.current(), periods or Periods())}


def lost(record: Any) -> None:
    """Claim a booking, and let the lease run out."""
    record.write(record.claimed().id, lease_expires_at=OVER)


def wait(record: Any, status: ChangeStatus) -> None:
    """Have a change in a state."""
    change(record, booked(record, "uid"), LATER, status)


def change_lost(record: Any) -> None:
    """Claim a change, and let the lease run out."""
    claim(record, change(record, booked(record, "uid"), LATER))
    sql("UPDATE booking_changes SET lease_expires_at = now() - interval '1 second'")


def wish(record: Any) -> None:
    """Store a client's wish."""
    sql("INSERT INTO change_wishes (appointment_id, kind) VALUES (:id, 'cancel')", id=booked(record, "uid").id)


def hint(record: Any) -> None:
    """Store a hint whose time has come."""
    hints.told("BOOKING_CANCELLED", booked(record, "uid").calcom_booking_uid)


def many_held(_: Any) -> None:
    """Count more as held than each process counts itself."""
    sql("INSERT INTO held_now (reason, count, at_risk, counted_at) VALUES ('throttled', 1001, 0, now())")


CASES: dict[str, tuple[Made, set[str]]] = {
    "nothing": (lambda _: None, set()),
    "what is done": (lambda record: booked(record, "uid"), set()),
    "a call that goes on": (lambda record: record.claimed(), set()),
    "a client's booking": (lambda record: record.keep(), {RESCUE, EXPIRE}),
    "a booking that is tried again": (
        lambda record: record.write(record.keep().id, status=Status.RETRYING),
        {RESCUE, EXPIRE},
    ),
    "a lost lease": (lost, {RESCUE}),
    "a change that waits for its turn": (lambda record: wait(record, ChangeStatus.WAITING), {RESCUE, EXPIRE}),
    "a change that waits for its message": (lambda record: wait(record, ChangeStatus.PENDING), {RESCUE, EXPIRE}),
    "a change's lost lease": (change_lost, {RESCUE}),
    "a wish": (wish, {RESCUE}),
    "a callback": (lambda _: confirmed(key_with("https://example.com/hooks")), {"send_due"}),
    "a hint": (hint, {"look_at_hints"}),
    "too many held": (many_held, {"count_held"}),
    "a held change": (lambda record: held_change(record, booked(record, "uid"), LATER), {RELEASE, ASK, EXPIRE}),
} | {
    f"held({reason.value})": (
        lambda record, reason=reason: record.write(record.keep().id, hold_reason=reason, **HELD),
        {RELEASE, ASK, EXPIRE},
    )
    for reason in (HoldReason.BREAKER_OPEN, HoldReason.CREDENTIALS, HoldReason.SUSPECT)
}


@pytest.mark.parametrize("case", CASES)
def test_a_task_is_started_as_soon_as_it_has_something_to_do(record: Any, case: str) -> None:
    """And none else: each of the others is run all the same, and finds nothing."""
    make, expected = CASES[case]
    make(record)

    names = started()
    assert names == ALWAYS | expected
    left = [work.task for work in WORK if work.task.rpartition(".")[2] not in names]
    found = {name: app.tasks[name].run() for name in left}
    assert {name: one for name, one in found.items() if (any(one.values()) if isinstance(one, dict) else one)} == {}


def test_what_is_started_is_in_the_queue_as_a_tick_of_its_period(record: Any, redis_url: str) -> None:
    """Not more often than its period, however often there is something to do."""
    record.keep()
    time = [0.0]
    periods = Periods(lambda: time[0])
    ran = Counter[str]()
    for second in range(61):
        time[0] = second + (0.1 if second % 2 else 0.0)  # a queue is no clock
        ran.update(started(periods))

    assert ran == {RESCUE: 31, EXPIRE: 7, "count_minutes": 21}
    assert broker.ask(redis_url, (MAINTENANCE,)).queues == {MAINTENANCE: ran.total()}


def test_alerts_are_sent_where_they_have_anywhere_to_go() -> None:
    """The default is nowhere."""

    class Sinks:
        names = ("one",)

    deps = dependencies.current()
    dependencies.fill(lambda: replace(deps, alerts=Sinks()))  # type: ignore[arg-type]

    assert started() == ALWAYS | {"send_alerts"}


def test_an_open_breaker_is_released_from_though_nothing_is_held() -> None:
    """Else its time would be over, and nobody would write that down; what it does is recorded at the same look."""
    deps = dependencies.current()
    deps.breaker.operators.force_open("operator", "a test")

    assert started() == ALWAYS | {RELEASE}

    with deps.engine.connect() as conn:
        assert [row.new_state for row in latest(conn, "calcom", 1)] == ["forced_open"]


def test_an_override_that_redis_has_missed_is_obeyed_at_the_next_look() -> None:
    """PostgreSQL keeps it."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        overrides.add(conn, "calcom", breaker_overrides.OFF, by="operator", why="a test")

    started()

    assert deps.breaker.get_status().state is State.OFF


def test_a_look_where_there_are_several_accounts_sees_each_of_their_services(record: Any) -> None:
    """The breaker of another Cal.com is one of its own; at rest it keeps nothing in Redis."""
    make_account(record.engine)
    sql("UPDATE calcom_accounts SET alone = false WHERE id = 1")
    deps = dependencies.current()
    deps.at_service("c-other").breaker.operators.force_open("operator", "a test")

    assert started() == ALWAYS | {RELEASE}

    with deps.engine.connect() as conn:
        assert [row.new_state for row in latest(conn, "c-other", 1)] == ["forced_open"]


def test_an_idle_second_is_one_statement() -> None:
    """It is asked each second, by all deployments that are well."""
    deps = dependencies.current()
    breaker_transitions.record(deps, deps.breaker.get_status(), overridden=False)
    with statements(deps.engine) as sent:
        started()

    assert len(sent) == 1


def test_an_idle_minute_is_few_statements_and_few_messages() -> None:
    """All that beat starts in it, and the watch for a dead beat in three processes."""
    deps = dependencies.current()
    time = [0.0]
    periods, tasks = Periods(lambda: time[0]), app.tasks
    entries = [entry for entry in schedule(3).values() if entry["task"] != "tasks.audit.nightly.audit_at_night"]
    messages, next_look = 0, 0.0
    watcher = Watcher(clock=lambda: time[0])
    tasks["tasks.incidents.check.check_health"].run()
    with statements(deps.engine) as sent:
        for second in range(1, 61):
            time[0] = float(second)
            if second >= next_look:
                next_look = second + watcher.check()
            for entry in entries:
                if second % entry["schedule"]:
                    continue
                messages += 1
                if entry["task"] != "tasks.ticks.due.start_due":
                    tasks[entry["task"]].run()
                    continue
                names = due.start(deps, periods)
                messages += len(names)
                for name in names:
                    tasks[name].run()

    assert messages <= MESSAGES
    assert len(sent) <= STATEMENTS
