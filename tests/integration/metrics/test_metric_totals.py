"""Counters and histograms equal what PostgreSQL's rows say, and nothing that is deleted makes them sink."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import redis
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from db.monitoring import booking_minutes, breaker_events, metric_totals
from db.monitoring import failure_metrics as written
from db.monitoring.metric_totals import Total
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from resilience.call_stats.buckets import BOUNDS
from resilience.circuit_breaker.types import CallOutcome, Permit, Reason
from tasks import dependencies
from tasks.maintenance import breaker_transitions, failure_metrics, prune
from tasks.maintenance.sweeper import report_lost
from tests.support.prometheus.exporting import only_growing, told

T0 = 1_790_000_040  # the beginning of a minute
ENDS = (Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED)


@pytest.fixture(autouse=True)
def fleet(settings: Callable[..., dict[str, str]]) -> Iterator[None]:
    """Give every server of a deployment, whose minutes have been counted before."""
    settings()
    yield
    dependencies.current().engine.dispose()


def count() -> None:
    """Count until all that stands now is counted."""
    for _ in range(4):
        with dependencies.current().engine.begin() as conn:
            while booking_minutes.count_on(conn):
                pass


def rows(statement: str) -> list[Any]:
    """Ask PostgreSQL."""
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text(statement)))


def call(at: float, error: str = "none", *, took: float = 0.2) -> None:
    """Make one guarded call."""
    breaker = dependencies.current().breaker
    permit = breaker.acquire("bookings.create", owner=f"{at}", now=at)
    assert isinstance(permit, Permit)
    outcome = CallOutcome.SUCCESS if error == "none" else CallOutcome.FAILURE_ENDPOINT
    breaker.record(permit, outcome, reason=error, elapsed=took, now=at)


def aggregate() -> None:
    """Do what beat does."""
    failure_metrics.aggregate(dependencies.current(), "calcom")


def end_each(record: Any) -> None:
    """Have bookings end in each way, some twice, after waits of several lengths, and one rescued."""
    for number, status in enumerate(ENDS, start=1):
        for _ in range(number):
            record.moved(status, why="because", **({"calcom_booking_uid": "uid"} if status is Status.CONFIRMED else {}))
    lost = record.claimed()
    record.write(lost.id, lease_expires_at=timedelta(seconds=-1))
    record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130)
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE appointments SET requested_at = requested_at - id % 7 * interval '40 seconds'"))


def test_counters_equal_the_rows(record: Any) -> None:
    """Each way to end, each wait, each retry."""
    end_each(record)
    for _ in range(2):  # counting again adds nothing
        count()
    seen = told()

    assert seen["booking_accepted_total{}"] == rows("SELECT count(*) FROM appointments")[0][0]
    ended = dict(rows("SELECT kind, count(*) FROM appointment_events GROUP BY 1"))
    assert [seen[f'booking_finished_total{{outcome="{one}"}}'] for one in ENDS] == [ended[one] for one in ENDS]
    assert seen["booking_retries_total{}"] == ended["retrying"] == 1
    assert seen['booking_rescued_total{what="lease"}'] == 1
    waits = "SELECT extract(epoch FROM event.created_at - requested_at) FROM appointment_events AS event"
    waited = rows(f"{waits} JOIN appointments ON appointments.id = appointment_id WHERE kind = 'confirmed'")
    assert seen["booking_wait_seconds_count{}"] == len(waited) == 1
    assert seen["booking_wait_seconds_sum{}"] == pytest.approx(float(sum(one for (one,) in waited)))
    assert seen['booking_wait_seconds_bucket{le="3600.0"}'] == 1


@pytest.mark.parametrize("reason", [Reason.BREAKER_OPEN, Reason.THROTTLED, Reason.CREDENTIALS, Reason.CONFIGURATION])
def test_a_denied_call_is_counted_by_its_reason(record: Any, reason: Reason) -> None:
    """As the event of its hold has it; another hold for the same reason is none."""
    hold = {"hold_reason": HoldReason(reason.value), "why": "because"}
    look = {"calls": [{"endpoint": "bookings.list", "ms": 3, "status": 200}]}
    record.moved(Status.HELD, **hold, detail={"denied_for": reason.value})
    record.moved(Status.HELD, **hold, detail={"denied_for": reason.value} | look)
    record.moved(Status.HELD, **hold, detail={"calls": [{"endpoint": "bookings.create", "ms": 3, "status": 503}]})
    count()
    seen = {name: value for name, value in told().items() if name.startswith("booking_breaker_not_permitted_total")}

    assert {name: value for name, value in seen.items() if value} == {
        f'booking_breaker_not_permitted_total{{reason="{reason.value}"}}': 2.0
    }


def test_failures_and_times_equal_the_windows() -> None:
    """However often they are aggregated, and by however many at once."""
    dependencies.current().breaker.acquire("slots", owner="first", now=T0)
    for minute in range(3):
        for second, error, took in ((1, "none", 0.03), (2, "timeout", 31.0), (3, "none", 0.2), (4, "http_503", 50.0)):
            call(T0 + 60 * minute + second, error, took=took)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: aggregate(), range(8)))
    count()
    seen = told()

    failed = dict(rows("SELECT error_type, sum(count) FROM failure_metrics WHERE service = 'calcom' GROUP BY 1"))
    assert failed == {"timeout": 3, "http_503": 3}
    for error, number in failed.items():
        name = f'booking_calcom_failures_total{{endpoint="bookings.create",error_type="{error}"}}'
        assert seen[name] == number
    calls = "booking_calcom_request_seconds"
    made = {
        outcome: [
            seen[f'{calls}_bucket{{endpoint="bookings.create",le="{bound}",outcome="{outcome}"}}'] for bound in BOUNDS
        ]
        for outcome in ("answered", "failed")
    }
    assert made["answered"] == [3, 3, 6, *[6] * 9]
    assert made["failed"] == [*[0] * 11, 3]
    of_failed = '{endpoint="bookings.create",outcome="failed"}'
    assert (seen[f"{calls}_count{of_failed}"], seen[f"{calls}_sum{of_failed}"]) == (6, pytest.approx(243.0))
    assert seen[f'{calls}_sum{{endpoint="bookings.create",outcome="answered"}}'] == pytest.approx(0.69)


def test_a_window_that_is_written_already_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process aggregated it a moment before, and Redis has not dropped it yet."""
    dependencies.current().breaker.acquire("slots", owner="first", now=T0)
    call(T0 + 1, "timeout")
    call(T0 + 2)
    monkeypatch.setattr(written, "written_until", lambda *_: None)
    aggregate()
    count()
    once = only_growing(told())
    aggregate()

    assert rows("SELECT count(*) FROM metric_totals WHERE name = 'calcom_failures'") == [(1,)]
    assert only_growing(told()) == once


def test_transitions_equal_the_rows(record: Any) -> None:
    """Told twice they count once; one of an endpoint that a forgetful Redis has closed counts, too."""
    now = datetime.now(UTC)
    moves = [
        {"service": "calcom", "endpoint": endpoint, "old_state": "closed", "new_state": state, "reason": "trip"}
        | {"failure_count": 5, "context": {}, "epoch": epoch, "created_at": now + timedelta(seconds=epoch)}
        for epoch, endpoint, state in ((1, None, "open"), (2, None, "half_open"), (3, "slots", "open"))
    ]
    moves.append(moves[0] | {"new_state": "closed", "reason": "begun", "epoch": 4, "created_at": now + timedelta(9)})
    for _ in range(2):
        with record.engine.begin() as conn:
            breaker_events.record_transitions(conn, moves)
    count()
    seen = {name: value for name, value in told().items() if name.startswith("booking_breaker_transitions") and value}

    counted = rows("SELECT coalesce(endpoint, service), new_state, count(*) FROM circuit_breaker_events GROUP BY 1, 2")
    assert seen == {
        f'booking_breaker_transitions_total{{name="{name}",to="{to}"}}': number for name, to, number in counted
    }
    assert len(counted) == 5


def test_a_change_that_was_pruned_is_not_counted_again(
    settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis keeps the last thousand, however old; a process that starts reads them all."""
    counted = []
    for keep in ("0", "1", "1"):
        settings(RETENTION_DAYS=keep, CIRCUIT_BREAKER_THRESHOLD="5")
        if not counted:
            dependencies.current().breaker.acquire("slots", owner="first", now=T0)
            for second in range(5):
                call(T0 + second, "timeout")
            call(T0 + 60)
        monkeypatch.setattr(breaker_transitions, "_written", {})
        breaker_transitions.record_transitions()
        prune.prune()
        counted.append(rows("SELECT labels, value FROM metric_totals WHERE name = 'breaker_transitions' ORDER BY 1"))

    assert rows("SELECT count(*) FROM circuit_breaker_events") == [(2,)]
    assert (len(counted[0]), counted[1:]) == (4, [counted[0]] * 2)


def test_lost_messages_are_counted_with_their_incident(record: Any) -> None:
    """In one transaction."""
    report_lost(dependencies.current(), [record.keep(), record.keep(), record.claimed()])
    count()

    assert told()['booking_rescued_total{what="message"}'] == 2


def test_nothing_that_goes_makes_a_counter_sink(record: Any) -> None:
    """FLUSHALL, a prune of everything, a process that starts again."""
    dependencies.current().breaker.acquire("slots", owner="first", now=T0)
    end_each(record)
    call(T0 + 1, "timeout")
    call(T0 + 70)
    steps = []

    def flush() -> None:
        with redis.Redis.from_url(dependencies.current().broker_url) as client:
            client.flushall()

    def prune_all() -> None:
        with record.engine.begin() as conn:
            conn.execute(text("UPDATE appointments SET start_at = start_at - interval '900 days', end_at = NULL"))
        prune.delete_before(record.engine, datetime.now(UTC) + timedelta(days=900))

    for step in (
        aggregate,
        count,
        flush,
        aggregate,
        prune_all,
        count,
        aggregate,
        dependencies.current().engine.dispose,
    ):
        step()
        count()
        steps.append(only_growing(told()))

    assert rows("SELECT count(*) FROM failure_metrics")[0][0] == 0
    assert rows("SELECT count(*) FROM booking_minutes")[0][0] == 0
    assert steps[0]["booking_accepted_total{}"] == 16
    for before, after in pairwise(steps):
        assert [name for name in before if after[name] < before[name]] == []
    assert steps[-1] == steps[1]


def test_what_was_before_the_first_count_does_not_look_as_if_it_were_now(record: Any) -> None:
    """Until all of it is counted there is no counter, so that none jumps and no alert rings for last year."""
    record.moved(Status.FAILED, why="because")
    with record.engine.begin() as conn:
        booking_minutes.count_on(conn)
    before = told()
    count()
    after = told()

    assert only_growing(before) == {}
    assert before['booking_part_up{part="postgres"}'] == 1
    assert after['booking_finished_total{outcome="failed"}'] == 1


def test_totals_of_one_transaction_that_fails_are_not_kept(record: Any) -> None:
    """They stand with what they count, or neither does."""

    def fail() -> None:
        with record.engine.begin() as conn:
            metric_totals.add(conn, {(Total.RESCUED, ("message",)): 5})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with record.engine.begin() as conn:
        metric_totals.add(conn, {(Total.RESCUED, ("message",)): 2})
        metric_totals.add(conn, {(Total.RESCUED, ("message",)): 1, (Total.RETRIES, ()): 0})

    assert rows("SELECT name, labels, value FROM metric_totals") == [("rescued", ["message"], 3.0)]
