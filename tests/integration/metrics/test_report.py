"""What the report reads of a period, from real tables."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status, Strategy
from db.monitoring import failure_metrics, report
from db.monitoring.failure_metrics import CallWindow
from tests.support import metrics
from worker.cli.report.assessment import assess
from worker.cli.report.baseline import Measure

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHANGE = text("""
INSERT INTO circuit_breaker_events (service, endpoint, old_state, new_state, reason, epoch, created_at)
VALUES ('calcom', :endpoint, 'closed', :state, 'timeout', :epoch, :at)
""")
MANY = text("""
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, calcom_booking_uid, requested_at
)
SELECT
    CAST(n AS text), false, 'hash', 'correlation', CAST(n AS text), 101, now() + interval '30 days', 'Ann Example',
    'ann@example.com', 'UTC', 'confirmed', 'uid', now() - n * interval '1 minute'
FROM generate_series(1, 20000) AS n
""")
STORIES = text("""
INSERT INTO appointment_events (appointment_id, kind, by)
SELECT id, kind, 'worker' FROM appointments CROSS JOIN unnest(ARRAY['booking', 'confirmed']) AS kind
""")


@pytest.fixture
def now(record: Any) -> datetime:
    """Ask Postgres for the time, on a whole minute."""
    with record.engine.connect() as conn:
        moment: datetime = conn.execute(text("SELECT date_trunc('minute', now())")).scalar_one()
    return moment


def changes(record: Any, *states: tuple[datetime, str], endpoint: str | None = None) -> None:
    """Write changes of the breaker's state."""
    with record.engine.begin() as conn:
        for epoch, (at, state) in enumerate(states):
            conn.execute(CHANGE, {"endpoint": endpoint, "state": state, "epoch": epoch, "at": at})


def confirmed(record: Any, asked: timedelta, waited: float, **more: Any) -> int:
    """Keep a booking that was asked for a while ago, and confirmed so many seconds later."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid", why="booked")
    record.write(row.id, requested_at=-asked, posts=1, **more)
    story = text(
        "UPDATE appointment_events SET created_at = requested_at + :waited FROM appointments"
        " WHERE appointments.id = appointment_id AND appointments.id = :id"
    )
    with record.engine.begin() as conn:
        conn.execute(story, {"waited": timedelta(seconds=waited), "id": row.id})
    return int(row.id)


def test_a_period_counts_what_was_asked_for_in_it(record: Any, now: datetime) -> None:
    """By outcome and strategy; the first call was enough only where there was no second."""
    confirmed(record, HOUR, 2)
    confirmed(record, HOUR, 9, retry_count=1, resilience_strategy=Strategy.EXPONENTIAL_BACKOFF)
    confirmed(record, 3 * DAY, 2)
    record.write(record.moved(Status.FAILED).id, requested_at=-HOUR)

    with record.engine.connect() as conn:
        found = report.booking_counts(conn, now - DAY, now)

    assert {(one.status, one.strategy, one.at_first, one.count) for one in found} == {
        (Status.CONFIRMED, None, True, 1),
        (Status.CONFIRMED, Strategy.EXPONENTIAL_BACKOFF, False, 1),
        (Status.FAILED, None, False, 1),
    }


def test_waits_are_from_the_request_to_the_first_confirmation(record: Any, now: datetime) -> None:
    """What happens to a booking later (cancelled at Cal.com, a late answer) makes no wait longer."""
    ids = [confirmed(record, HOUR, seconds) for seconds in (1, 2, 3, 4, 100)]
    with record.engine.begin() as conn:
        for kind in ("confirmed", "cancelled"):
            again = "INSERT INTO appointment_events (appointment_id, kind, by) VALUES (:id, :kind, 'worker')"
            conn.execute(text(again), {"id": ids[0], "kind": kind})

        found = report.confirmation_times(conn, now - DAY, now)
        nothing = report.confirmation_times(conn, now - 3 * DAY, now - 2 * DAY)

    assert (found.confirmed, [round(one, 1) for one in found.seconds]) == (5, [3.0, 80.8, 96.2])
    assert (nothing.confirmed, nothing.seconds) == (0, ())


def test_a_breaker_comes_into_a_period_as_the_last_one_left_it(record: Any, now: datetime) -> None:
    """An outage that began before the period is in it; other endpoints' breakers hold no booking."""
    long_ago, later = ((now - 9 * DAY, "off"), (now - 8 * DAY, "open")), now - 3 * HOUR
    changes(record, *long_ago, (later, "half_open"), (later + HOUR, "closed"))
    changes(record, (now - HOUR, "open"), endpoint="slots")

    with record.engine.connect() as conn:
        found = report.breaker_states(conn, "calcom", "bookings.create", now - DAY, now)
        before_all = report.breaker_states(conn, "calcom", "bookings.create", now - 20 * DAY, now - 10 * DAY)

    assert found == [(now - DAY, "open"), (now - 3 * HOUR, "half_open"), (now - 2 * HOUR, "closed")]
    assert before_all == [(now - 20 * DAY, "closed")]


def test_a_booking_meets_the_worse_of_both_breakers(record: Any, now: datetime) -> None:
    """A POST that is answered 500 opens the breaker of that call, and bookings are held though the service is well."""
    changes(record, (now - 4 * HOUR, "open"), (now - 2 * HOUR, "half_open"), (now - HOUR, "closed"))
    changes(
        record, (now - 5 * DAY, "half_open"), (now - 3 * HOUR, "open"), (now - HOUR / 2, "closed"), endpoint="create"
    )

    with record.engine.connect() as conn:
        found = report.breaker_states(conn, "calcom", "create", now - DAY, now)

    assert found == [
        (now - DAY, "half_open"),
        (now - 4 * HOUR, "open"),
        (now - HOUR / 2, "closed"),
    ]


def test_alerts_of_a_period_are_those_that_were_open_in_it(record: Any, now: datetime) -> None:
    """Begun in it, ended in it, or still open; a suspicion that nobody was told of is none."""
    incident = (
        "INSERT INTO alert_incidents (kind, subject, opened_at, closed_at, news, news_at)"
        " VALUES ('degraded', :n, :opened, :closed, :news, :told)"
    )
    spans = [(9 * DAY, 8 * DAY, 1), (9 * DAY, HOUR, 1), (2 * HOUR, HOUR, 1), (HOUR, None, 1), (HOUR / 2, None, 0)]
    with record.engine.begin() as conn:
        for n, (opened, closed, news) in enumerate(spans):
            told = {"n": str(n), "news": news, "told": now if news else None}
            told |= {"opened": now - opened, "closed": None if closed is None else now - closed}
            conn.execute(text(incident), told)
        found = report.incident_counts(conn, now - DAY, now)

    assert [(one.kind, one.count, one.still_open) for one in found] == [("degraded", 3, 1)]


def test_statements_come_slowest_first(record: Any, now: datetime) -> None:
    """The longest of the period for each name."""
    with record.engine.begin() as conn:
        for name, average in (
            ("select.appointments", 700.0),
            ("insert.appointments", 4.0),
            ("update.appointments", 9.0),
        ):
            metrics.write(conn, "database", name, [metrics.window(now - HOUR, failures=4, average_ms=average)])
        metrics.write(conn, "database", "select.appointments", [metrics.window(now - 3 * DAY, average_ms=9000.0)])
        found = report.slowest_statements(conn, now - DAY, now, 2)

    assert [(one.name, one.longest_ms) for one in found] == [("select.appointments", 1400), ("update.appointments", 18)]


def test_a_window_is_the_sum_of_its_endpoints(record: Any, now: datetime) -> None:
    """Calls come from the share that failed; means are weighted by calls; what has no row is not there."""
    begins = now - HOUR
    with record.engine.begin() as conn:
        metrics.write(conn, "calcom", "bookings.create", [metrics.window(begins, 80, 7, 2000.0)])
        metrics.write(conn, "calcom", "bookings.list", [metrics.window(begins, 20, 0, 1000.0)])
        metrics.write(conn, "calcom", "bookings.list", [metrics.window(begins + 5 * metrics.MINUTE, 3, 0, 500.0)])
        metrics.write(conn, "database", "select", [metrics.window(begins, 999, 9)])
        found = failure_metrics.between(conn, "calcom", now - DAY, now)

    minutes = [begins, begins + 5 * metrics.MINUTE]
    assert found == [
        CallWindow(minutes[0], minutes[0] + metrics.MINUTE, 100, 7, 1800.0),
        CallWindow(minutes[1], minutes[1] + metrics.MINUTE, 3, 0, 500.0),
    ]


def test_the_outlook_tells_unusual_from_usual(record: Any, now: datetime) -> None:
    """10 % failures where 1 % is usual; nothing of a service that nobody counted for a while."""
    lately = [metrics.window(now - n * metrics.MINUTE, failures=10) for n in range(20, 1, -1)]
    late = [metrics.window(now - n * metrics.MINUTE, failures=50) for n in range(40, 20, -1)]
    with record.engine.begin() as conn:
        metrics.write(conn, "calcom", "bookings.create", [*metrics.days(now, failures=1), *lately])
        metrics.write(conn, "database", "select", [*metrics.days(now), *late])
        calcom, database = (assess(conn, service, now) for service in ("calcom", "database"))

    [found] = calcom.unusual
    assert (found.measure, round(found.now, 2), round(found.usual, 2)) == (Measure.FAILURES, 0.1, 0.01)
    assert (calcom.fresh, len(calcom.forecasts)) == (True, 8)
    assert (database.fresh, database.unusual, database.forecasts) == (False, [], [])


@pytest.mark.fresh_database
@pytest.mark.long
def test_a_day_is_read_without_reading_the_rest(record: Any, now: datetime) -> None:
    """Of two weeks of bookings, with their stories, and of metrics; as block counts, for times say little here."""
    weeks = [metrics.window(now - n * metrics.MINUTE) for n in range(1, 14 * 1440)]
    day = {"since": now - DAY, "until": now}
    around = {"service": "calcom", "now": now, "days": 28, "before": HOUR, "after": HOUR}
    with record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(MANY)
        conn.execute(STORIES)
        metrics.write(conn, "calcom", "bookings.create", weeks)
        conn.execute(text("VACUUM ANALYZE"))
        plans = {
            name: explain(conn, name, parameters)
            for name, parameters in {
                "report_bookings": {**day, "account": None},
                "report_waits": {**day, "account": None, "shares": [0.5]},
                "report_statements": {**day, "limit": 3},
                "metrics_past_days": around,
            }.items()
        }

    assert {name for name, plan in plans.items() if "Seq Scan" in plan} == set()


def explain(conn: Any, name: str, parameters: dict[str, Any]) -> str:
    """Return the plan that PostgreSQL takes for one of our statements."""
    rows = conn.execute(text(f"EXPLAIN {report.statement(name).text}"), parameters).scalars()
    return "\n".join(rows)


def test_holds_and_sizes_are_those_of_now(record: Any) -> None:
    """Small tables are counted exactly, analysed or not."""
    for _ in range(3):
        record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)

    with record.engine.connect() as conn:
        found = {one.table: one.rows for one in report.table_sizes(conn)}

    assert (found["appointments"], found["alert_incidents"]) == (3, 0)
