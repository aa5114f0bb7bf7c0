"""`failure_metrics` says what happened, or nothing: whichever process aggregates, however often, however late."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery.signals import worker_process_shutdown, worker_ready, worker_shutdown, worker_shutting_down
from celery.utils.dispatch import Signal
from sqlalchemy import event, text

from db.monitoring import metric_totals
from db.monitoring.failure_metrics import write
from resilience.call_stats.buckets import ResponseTimes
from resilience.call_stats.windows import Failures, Window
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Permit
from resilience.error_types import ErrorType
from resilience.shared_state import scripts
from tasks import dependencies
from tasks.maintenance import failure_metrics
from tests.support.fleet import eventually
from tests.support.servers.frozen import frozen, patient
from tests.support.statements import statements
from worker import app
from worker.signals import begin

T0 = 1_790_000_040  # the beginning of a minute
STATEMENTS = 4  # of one aggregation: read how far it is written and when it last ran, write, add to the totals


@pytest.fixture(autouse=True)
def begun(settings: Callable[..., dict[str, str]]) -> None:
    """Begin the breaker with the first minute."""
    settings()
    dependencies.current().breaker.acquire("slots", owner="first", now=T0)


def call(at: float, error: str = "none", endpoint: str = "slots") -> None:
    """Make one guarded call."""
    breaker = dependencies.current().breaker
    permit = breaker.acquire(endpoint, owner=f"{at}", now=at)
    assert isinstance(permit, Permit)
    outcome = CallOutcome.SUCCESS if error == "none" else CallOutcome.FAILURE_ENDPOINT
    breaker.record(permit, outcome, reason=error, elapsed=0.1, now=at)


def minutes(count: int) -> None:
    """Let one call of three fail, in each of so many minutes."""
    for minute in range(count):
        for second, error in ((1, "none"), (2, "timeout"), (3, "none")):
            call(T0 + 60 * minute + second, error)


def aggregate() -> int:
    """Do what beat does."""
    return failure_metrics.aggregate(dependencies.current(), "calcom")


def rows() -> list[Any]:
    """Read every row."""
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text("SELECT * FROM failure_metrics WHERE service = 'calcom' ORDER BY id")))


def test_a_window_without_failures_has_its_row() -> None:
    """Without it there is no baseline; a window without calls has none."""
    call(T0 + 5)
    call(T0 + 130)
    assert aggregate() == 2
    healthy = rows()
    assert [(row.error_type, row.count, row.severity, row.success_rate) for row in healthy] == [("none", 1, 1, 1.0)] * 2
    assert [row.window_start.timestamp() - T0 for row in healthy] == [0, 120]


def test_twice_or_an_hour_late_gives_the_same_rows() -> None:
    """What is written stays; what Redis keeps of it is dropped only after that."""
    minutes(30)
    assert aggregate() == 30
    once = rows()
    assert aggregate() == aggregate() == 0
    assert rows() == once
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        assert [name for name in client.hkeys("{calcom}:windows") if b"/" in name] == []
    minutes_later(30, 90)
    assert aggregate() == 60
    assert len({row.window_start for row in rows()}) == 90


def minutes_later(first: int, last: int) -> None:
    """Go on for an hour before the next aggregation."""
    for minute in range(first, last):
        call(T0 + 60 * minute + 30, "timeout")


def test_two_beats_at_once_write_one_row_each() -> None:
    """Eight of them, at the same moment."""
    minutes(40)
    with ThreadPoolExecutor(8) as pool:
        new = sum(pool.map(lambda _: aggregate(), range(8)))
    assert new == len(rows()) == 40


@pytest.mark.parametrize("fatal", range(1, STATEMENTS + 2))
def test_killed_at_any_statement_and_run_again_gives_the_same_rows(fatal: int) -> None:
    """The last one dies at the commit: then all is written, or nothing."""
    minutes(20)
    engine, done = dependencies.current().engine, 0

    def die(*_: Any) -> None:
        nonlocal done
        done += 1
        if done == fatal:
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", die)
    if fatal > STATEMENTS:
        event.listen(engine, "commit", die)
    try:
        with pytest.raises(KeyboardInterrupt):
            aggregate()
    finally:
        event.remove(engine, "before_cursor_execute", die)
        if fatal > STATEMENTS:
            event.remove(engine, "commit", die)
    assert rows() == []
    assert aggregate() == 20
    assert len(rows()) == 20


def kept() -> list[tuple[float, int, bool]]:
    """Read of each row when it begins, its count, and whether it may lack calls."""
    return sorted((row.window_start.timestamp() - T0, row.count, row.at_least) for row in rows())


def test_a_window_of_which_redis_lost_a_part_is_kept_as_at_least() -> None:
    """FLUSHALL in mid-minute: of that minute the rest, of those before it nothing is known, and both say so."""
    with dependencies.current().engine.begin() as conn:
        metric_totals.tick(conn, every=60)
        conn.execute(text("UPDATE heartbeats SET ticked_at = to_timestamp(:at)"), {"at": T0 + 2})
    call(T0 + 5)
    call(T0 + 65)
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        client.flushall()
    call(T0 + 90)
    call(T0 + 125)
    windows = dependencies.current().breaker.calls.closed_windows(known_until=T0 + 2, now=T0 + 240)

    found = sorted((one.start.timestamp() - T0, one.calls, one.at_least) for one in windows)
    assert found == [(0, 0, True), (60, 0, True), (60, 1, True), (120, 1, False)]
    assert aggregate() == 2  # a day later nobody asks for a minute without figures
    assert kept() == [(60, 1, True), (120, 1, False)]


def test_a_server_that_runs_anew_is_doubted_once() -> None:
    """It may have come back with figures of before: a restart from an old snapshot, a failover."""
    call(T0 + 5)
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        client.hset("{calcom}:windows", "run", "another server")
    assert aggregate() == 1
    assert kept() == [(0, 1, True)]
    now = time.time()
    call(now - now % 60 + 60)
    assert dependencies.current().breaker.calls.closed_windows(now=now + 120) != []


def test_only_the_minutes_in_which_redis_was_gone_may_lack_calls(valkey: Any) -> None:
    """This process counted them alone: their windows are kept as "at least", and those before are whole."""
    built, client, now = dependencies.current(), patient(valkey.url), time.time()
    breaker = CircuitBreaker("calcom", redis=client, settings=built.breaker.settings, key=built.breaker.key)
    dependencies.fill(lambda: replace(built, breaker=breaker))
    before = now - now % 60 - 180
    call(before)
    call(before + 61)
    with frozen(valkey, client):
        breaker.record_failure("timeout", "slots")
    eventually(lambda: (breaker.record_failure("timeout", "slots"), breaker.get_status().shared)[1])
    breaker.record_failure("timeout", "slots")
    breaker.record_failure("timeout", "slots")

    windows = breaker.calls.closed_windows(now=time.time() + 120)

    whole = {one.start.timestamp() - before for one in windows if not one.at_least}
    lacking = [one for one in windows if one.at_least]
    assert whole >= {0, 60}
    assert {one.start.timestamp() for one in lacking if not one.calls} == {one.start.timestamp() for one in lacking}
    assert sum(one.calls for one in lacking) >= 1
    assert all(one.start.timestamp() >= before + 120 for one in lacking)


def test_the_detector_needs_no_memory_of_its_own_for_more_calls() -> None:
    """After 1,000,000 outcomes as much as after 100,000."""
    counts = "slots none 0 490 900 90;bookings.create none 0 490 900 90;slots timeout 2 20 900 90;"

    def outcomes(first: int, last: int) -> int:
        with redis.Redis.from_url(dependencies.current().broker_url) as client:
            run = client.register_script(scripts.assemble("count_calls"))
            keys = scripts.stats_keys("calcom")
            pipe = client.pipeline(transaction=False)
            for thousand in range(first, last):
                run(keys, (1000, (T0 + thousand) * 1000, counts, '{"a": "b"}'), client=pipe)
            pipe.execute()
            return sum(int(client.memory_usage(key, samples=0) or 0) for key in client.keys("{calcom}*"))

    outcomes(0, 1500)  # every window of a full round
    before = outcomes(1500, 1600)
    assert outcomes(1600, 2500) <= before * 1.05


def test_a_guarded_call_makes_no_round_trip_for_being_counted() -> None:
    """A call is one script before it and one after it, a failed one too."""
    for second in range(4):  # a server that has been restarted has forgotten its scripts
        call(T0 + second, ("none", "timeout")[second % 2])
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        client.config_resetstat()
        for second in range(4, 14):
            call(T0 + second, ("none", "timeout")[second % 2])
        stats = client.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 20
    assert "cmdstat_eval" not in stats


@pytest.mark.long
def test_a_day_is_written_by_few_statements() -> None:
    """1,440 windows of 20 error types each, by few statements; benchmarks/bounds/costs.py measures the time."""
    day = [window(minute) for minute in range(1440)]
    written = [row for one in day for row in failure_metrics.rows("calcom", one)]
    engine = dependencies.current().engine
    with statements(engine) as sent, engine.begin() as conn:
        assert len(write(conn, written)) == 28_800
    assert len(sent) <= 100


def window(minute: int) -> Window:
    """Make a window with 20 kinds of failures."""
    start = datetime.fromtimestamp(T0 + 60 * minute, tz=UTC)
    errors = tuple(Failures(error, (0, 3, 0), start, start, {"correlation_id": "c"}) for error in list(ErrorType)[1:21])
    times = ResponseTimes.parse("900", "c40C60")
    return Window("slots", start, start + timedelta(seconds=60), 100, 60, 250.5, 900, errors, times)


@pytest.mark.parametrize("signal", [worker_shutdown, worker_process_shutdown])
def test_a_worker_that_ends_tells_its_last_statements(
    settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch, signal: Signal
) -> None:
    """They are kept for up to a second, and nobody would tell them any more."""
    settings()
    for theirs in (worker_ready, worker_shutting_down, worker_shutdown, worker_process_shutdown):
        monkeypatch.setattr(theirs, "receivers", [])  # those of this test alone
    begin(SimpleNamespace(app=app, pool_cls="solo"))
    before = dependencies.current().detector.get_failure_stats("database").calls
    for _ in range(5):
        dependencies.current().detector.calls("database").count_success("select")
    signal.send(sender=None)
    assert dependencies.current().detector.get_failure_stats("database").calls >= before + 5
