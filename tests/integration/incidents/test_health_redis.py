"""While the shared breaker is gone: somebody is told, and outages are judged by what became of bookings."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from tasks import dependencies
from tasks.incidents import check, observations
from tasks.incidents.late_answers import LateAnswers
from tests.support.fleet import eventually
from worker import heartbeat

Settings = Callable[..., dict[str, str]]
GONE = "Redis is gone: each process keeps a circuit breaker and a rate limit of its own"


@pytest.fixture
def redis_gone(settings: Settings, valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wire this process to a Redis that has been gone for as long as it takes."""
    settings()
    valkey.kill()
    monkeypatch.setattr(observations, "REDIS_UNAVAILABLE_AFTER", 0.0)


def titles() -> list[str]:
    """Return the titles of what operators were notified of, the newest first."""
    with dependencies.current().engine.connect() as conn:
        return [one.title for one in incidents.notified(conn)]


def seconds_pass(engine: Engine, seconds: int = 30) -> None:
    """Make what is known of incidents as much older."""
    with engine.begin() as conn:
        ago = text("UPDATE alert_incidents SET last_seen_at = last_seen_at - make_interval(secs => :seconds)")
        conn.execute(ago, {"seconds": seconds})


def ends(record: Any, count: int, to: Status, **changes: Any) -> None:
    """Have as many calls of workers end so."""
    for _ in range(count):
        record.moved(to, why="a test", **changes)


@pytest.mark.usefixtures("redis_gone")
def test_a_shared_breaker_that_is_gone_is_told_and_so_is_its_return(record: Any, valkey: Any) -> None:
    """Promise 3 counts each process by itself meanwhile: an operator must know."""
    assert (check.check(), titles()) == (1, [GONE])
    assert check.check() == 0
    valkey.recover()
    dependencies.current().engine.dispose()
    eventually(lambda: dependencies.current().breaker.get_status().shared, what="it is asked again")
    assert check.check() == 0, "for a moment is not over"
    seconds_pass(record.engine)
    assert check.check() == 1
    assert titles()[0].endswith(": Redis was gone")


@pytest.mark.usefixtures("redis_gone")
def test_a_process_that_alone_misses_it_tells(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The health check runs in another one, which may see it well: it waits for the next word of the other."""
    assert check.report_missing_redis()
    assert titles() == [GONE]
    monkeypatch.setattr(observations, "REDIS_UNAVAILABLE_AFTER", 3600.0)
    assert (check.check(), titles()) == (0, [GONE])
    seconds_pass(record.engine, 10)
    assert (check.check(), titles()) == (0, ["Redis was gone"])


@pytest.mark.usefixtures("impatient")
def test_a_redis_that_often_answers_late_is_told_and_so_is_its_end(
    settings: Settings, record: Any, valkey: Any
) -> None:
    """Nobody misses it for long: only the share of late answers says that something is wrong."""
    settings()
    breaker, clock = dependencies.current().breaker, [1000.0]
    recent = LateAnswers(lambda: clock[0])

    def ask(*, late: bool) -> None:
        """Have one answer come late and ten in time, but for what a busy host does."""
        before = breaker.view.redis_answers()
        if late:
            valkey.pause()
            breaker.get_status()
            valkey.resume()
        eventually(
            lambda: breaker.get_status() and breaker.view.redis_answers().in_time >= before.in_time + 10, what="answers"
        )

    def look(*, late: bool) -> list[str]:
        """Have two such elevens within five seconds; return what was told by then."""
        ask(late=late)
        ask(late=late)
        clock[0] += 5
        heartbeat.check_redis(recent)
        return titles()

    look(late=False)
    before = breaker.view.redis_answers()
    assert [look(late=True), look(late=True)] == [[], []]
    told = look(late=True)
    late, in_time = (
        breaker.view.redis_answers().late - before.late,
        breaker.view.redis_answers().in_time - before.in_time,
    )
    assert told == [f"Redis is slow: {late} of {late + in_time} answers came late in the last minute"]
    assert check.check() == 0, "the health check's own view neither ends it at once nor tells it again"
    clock[0] += 61
    seconds_pass(record.engine, 10)
    assert (look(late=False), check.check()) == (told, 0)
    assert titles() == ["Redis was slow"], "it is open for a while yet, and has no number any more"
    seconds_pass(record.engine)
    assert check.check() == 1
    assert titles()[0].endswith(f": Redis was slow, at most {late} late answers in a minute")


def test_a_restart_wakes_nobody(settings: Settings, valkey: Any) -> None:
    """It takes seconds, and calls go on meanwhile."""
    settings()
    valkey.kill()
    assert (check.check(), check.check(), check.report_missing_redis(), titles()) == (0, 0, False, [])


@pytest.mark.usefixtures("redis_gone")
@pytest.mark.parametrize("error", ["http_503", "timeout", "connect", "http_500"])
def test_an_outage_without_redis_is_told_by_the_bookings_that_failed(record: Any, error: str) -> None:
    """Three in a minute, as with it."""
    ends(record, 1, Status.CONFIRMED, calcom_booking_uid="uid")
    ends(record, 3, Status.RETRYING, error_type=error)
    check.check()
    assert [title for title in titles() if title != GONE] == [
        "Cal.com is failing (3 failures in the last minute): 0 held, 0 at risk"
    ]
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE appointment_events SET created_at = created_at - interval '61 s'"))
    seconds_pass(record.engine)
    check.check()
    ends(record, 2, Status.RETRYING, error_type=error)
    check.check()
    assert not [title for title in titles() if title.startswith("Resolved")], "no call says that it is over"
    ends(record, 2, Status.CONFIRMED, calcom_booking_uid="uid")
    check.check()
    [over] = [title for title in titles() if title.startswith("Resolved")]
    assert over.endswith(": Cal.com was failing, at most 3 failures in a minute")


@pytest.mark.usefixtures("redis_gone")
@pytest.mark.parametrize(
    ("failed", "answered", "expected"),
    [
        (2, 0, None),
        (3, 97, None),
        (4, 12, "Cal.com is failing (4 failures in the last minute)"),
        (2, 3, None),
    ],
)
def test_without_redis_a_bad_day_is_no_outage_either(
    record: Any, failed: int, answered: int, expected: str | None
) -> None:
    """The same thresholds: docs/decisions/0012."""
    ends(record, failed, Status.HELD, error_type="http_503", hold_reason=HoldReason.UNREACHABLE)
    ends(record, answered, Status.CONFIRMED, calcom_booking_uid="uid")
    check.check()
    check.check()
    failing = [title.partition(":")[0] for title in titles() if title.startswith("Cal.com is failing")]
    assert failing == ([] if expected is None else [expected])


@pytest.mark.usefixtures("redis_gone")
@pytest.mark.parametrize("error", ["credentials", "configuration", "throttled", "taken", "deadlock", None])
def test_answers_and_faults_of_our_own_are_no_outage(record: Any, error: str | None) -> None:
    """Each has its own alert, or none."""
    ends(record, 5, Status.HELD, error_type=error, hold_reason=HoldReason.SUSPECT)
    check.check()
    assert not [title for title in titles() if title.startswith("Cal.com is failing")]
