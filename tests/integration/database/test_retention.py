"""What is over for long enough goes; what lives, or says how things stand, stays; and nobody waits for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from db import appointments
from db.lifecycle import FINAL, HoldReason, Status
from db.monitoring import retention
from tasks import dependencies
from tasks.maintenance.prune import delete_before, delete_older
from tests.support import metrics

OLD, YOUNG = timedelta(days=-100), timedelta(days=-80)
BEFORE = timedelta(days=90)
COUNTED = (*retention.TABLES, "appointment_events", "booking_minutes")
ROWS = {table: text(f"SELECT count(*) FROM {table}") for table in COUNTED}  # noqa: S608 - names of ours
OPEN_CHANGE = text("""
INSERT INTO booking_changes (
    appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, correlation_id, task_id, line_at
)
SELECT id, account_id, 'calcom', 'cancel', 'waiting', start_at, '', 'caller', 'python', 'c', task_id || 'c', now()
FROM appointments WHERE id = :id
""")
HINT = text("""
INSERT INTO calcom_webhooks (account_id, trigger, uid, told_at, received_at, body_hash, next_at)
VALUES (1, 'BOOKING_CANCELLED', 'uid', now(), :received, :hash, :due)
""")


@pytest.fixture
def now(record: Any) -> datetime:
    """Ask Postgres for the time."""
    with record.engine.connect() as conn:
        moment: datetime = conn.execute(text("SELECT now()")).scalar_one()
    return moment


def ended(record: Any, status: Status, age: timedelta = OLD, **more: Any) -> int:
    """Keep a booking that ended, and whose slot was, so long ago."""
    uid = {"calcom_booking_uid": "uid"} if status is Status.CONFIRMED else {}
    row = record.moved(status, why="over", **uid)
    record.write(row.id, **{"created_at": age, "updated_at": age, "start_at": age, **more})
    return int(row.id)


def many(record: Any, count: int, now: datetime) -> None:
    """Write old metrics, and as many young ones."""
    begins = (now - age + n * metrics.MINUTE for age in (timedelta(days=100), timedelta(days=1)) for n in range(count))
    with record.engine.begin() as conn:
        metrics.write(conn, "calcom", "bookings.create", [metrics.window(one) for one in begins])


def left(record: Any, table: str) -> int:
    """Count."""
    with record.engine.connect() as conn:
        return int(conn.execute(ROWS[table]).scalar_one())


def test_bookings_that_ended_go_with_their_story(record: Any, now: datetime) -> None:
    """Every final state; a younger one stays."""
    for status in FINAL:
        ended(record, status)
    stays = ended(record, Status.CONFIRMED, YOUNG)

    deleted = delete_before(record.engine, now - BEFORE)

    assert (deleted["appointments"], left(record, "appointments")) == (len(FINAL), 1)
    assert left(record, "appointment_events") == 1
    assert record.read(stays).status is Status.CONFIRMED


def test_no_booking_that_lives_is_deleted(record: Any, now: datetime) -> None:
    """However old; nor one whose slot is yet to come, for its row is what refuses a second booking."""
    held = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    living = [record.keep().id, record.claimed().id, record.moved(Status.RETRYING).id, held.id]
    for one in living:
        record.write(one, created_at=OLD, updated_at=OLD, start_at=OLD)
    living.append(ended(record, Status.CONFIRMED, start_at=YOUNG))
    living.append(ended(record, Status.FAILED, updated_at=YOUNG))
    living.append(ended(record, Status.CONFIRMED, booked_start_at=YOUNG))  # moved since
    living.append(ended(record, Status.CONFIRMED))
    with record.engine.begin() as conn:
        conn.execute(OPEN_CHANGE, {"id": living[-1]})

    deleted = delete_before(record.engine, now - BEFORE, batch=2)

    assert deleted["appointments"] == 0
    assert [record.read(one).id for one in living] == living


def test_hints_that_are_over_go(record: Any, now: datetime) -> None:
    """One that is looked at yet stays, and so does a young one: the same body again is known by it."""
    with record.engine.begin() as conn:
        for n, (received, due) in enumerate(((OLD, None), (OLD, now), (YOUNG, None))):
            conn.execute(HINT, {"hash": bytes(31) + bytes([n]), "received": now + received, "due": due})

    assert delete_before(record.engine, now - BEFORE)["calcom_webhooks"] == 1
    assert left(record, "calcom_webhooks") == 2


def test_what_must_stay_does_not_hide_what_may_go(record: Any, now: datetime) -> None:
    """More old bookings that stay than a batch holds stand before one that goes."""
    for _ in range(5):
        ended(record, Status.CONFIRMED, start_at=YOUNG)
    ended(record, Status.CONFIRMED)

    assert delete_before(record.engine, now - BEFORE, batch=2)["appointments"] == 1


def test_the_state_a_breaker_was_in_is_kept(record: Any, now: datetime) -> None:
    """The newest change of each breaker before that moment, however old; and all that came later."""
    change = text("""
    INSERT INTO circuit_breaker_events (service, endpoint, old_state, new_state, reason, epoch, created_at)
    VALUES ('calcom', :endpoint, 'closed', :state, 'timeout', :epoch, :at)
    """)
    with record.engine.begin() as conn:
        for epoch, (state, days) in enumerate((("open", 300), ("off", 200), ("closed", 2))):
            for endpoint in (None, "bookings.create"):
                transition = {"endpoint": endpoint, "state": state, "epoch": epoch, "at": now - timedelta(days=days)}
                conn.execute(change, transition)

    deleted = delete_before(record.engine, now - BEFORE, batch=1)

    with record.engine.connect() as conn:
        states = conn.execute(
            text("SELECT new_state, count(*) FROM circuit_breaker_events GROUP BY 1 ORDER BY 1")
        ).all()
    assert deleted["circuit_breaker_events"] == 2
    assert [tuple(row) for row in states] == [("closed", 2), ("off", 2)]


def test_open_incidents_and_orders_in_force_stay(record: Any, now: datetime) -> None:
    """Whatever their age."""
    with record.engine.begin() as conn:
        for n, closed in enumerate((None, now + OLD, now + YOUNG)):
            incident = (
                "INSERT INTO alert_incidents (kind, subject, opened_at, closed_at) VALUES ('degraded', :n, :at, :end)"
            )
            conn.execute(text(incident), {"n": str(n), "at": now + 2 * OLD, "end": closed})
        for lifted, until in ((None, None), (now + OLD, None), (None, now + OLD), (now + YOUNG, None)):
            order = (
                "INSERT INTO breaker_overrides (service, mode, key_fingerprint, by, why, until, created_at, lifted_at)"
                " VALUES ('calcom', 'credentials', :key, 'ann', 'test', :until, :at, :lifted)"
            )
            conn.execute(
                text(order), {"key": f"{lifted}{until}", "until": until, "at": now + 2 * OLD, "lifted": lifted}
            )

    deleted = delete_before(record.engine, now - BEFORE)

    assert (deleted["alert_incidents"], left(record, "alert_incidents")) == (1, 2)
    assert (deleted["breaker_overrides"], left(record, "breaker_overrides")) == (2, 2)


def test_two_at_once_share_the_work(record: Any, now: datetime) -> None:
    """Each row goes once, neither waits or fails, nothing young goes."""
    many(record, 3000, now)
    begin = threading.Barrier(2)

    def run() -> int:
        begin.wait(60)
        return delete_before(record.engine, now - BEFORE, batch=100)["failure_metrics"]

    with ThreadPoolExecutor(2) as pool:
        both = [one.result() for one in [pool.submit(run), pool.submit(run)]]
    rest = delete_before(record.engine, now - BEFORE)["failure_metrics"]

    assert sum(both) + rest == 3000
    assert left(record, "failure_metrics") == 3000


def test_rows_that_somebody_holds_are_passed_over(record: Any, now: datetime) -> None:
    """More of them than a batch holds keep nothing else from going."""
    many(record, 10, now)
    with record.engine.connect() as busy:
        busy.execute(text("SELECT id FROM failure_metrics ORDER BY id LIMIT 4 FOR UPDATE"))

        deleted = delete_before(record.engine, now - BEFORE, batch=2, seconds=100, clock=count().__next__)

    assert (deleted["failure_metrics"], left(record, "failure_metrics")) == (6, 14)


def test_a_run_that_is_stopped_has_deleted_whole_batches(record: Any, now: datetime) -> None:
    """Its time is bounded, and the next run goes on."""
    many(record, 100, now)
    ticks = iter(range(1000))

    first = delete_before(record.engine, now - BEFORE, batch=10, seconds=4, clock=lambda: next(ticks))
    second = delete_before(record.engine, now - BEFORE, batch=10)

    assert (first["failure_metrics"], second["failure_metrics"]) == (30, 70)


def test_nobody_waits_for_a_batch(record: Any, now: datetime) -> None:
    """While it is not committed yet, a claim and a new request go through; nor does a batch wait for a claim."""
    ended(record, Status.FAILED)
    waiting = record.keep().id
    with record.engine.connect() as pruning, record.engine.connect() as claiming:
        for conn in (pruning, claiming):
            conn.execute(text("SET LOCAL lock_timeout = '1ms'"))

        first = retention.prune(pruning, "appointments", before=now - BEFORE, after=0, limit=1000)
        claimed = appointments.claim(claiming, waiting, lease_seconds=50)
        appointments.insert(claiming, [record.new()])
        second = retention.prune(pruning, "appointments", before=now - BEFORE, after=0, limit=1000)

    assert claimed is not None
    assert (first.deleted, second.deleted) == (1, 0)


def test_a_booking_that_is_being_sent_again_stays(record: Any, now: datetime) -> None:
    """The operator's retry of an old failed booking goes first, and the batch passes it over."""
    failed = ended(record, Status.FAILED)
    with record.engine.connect() as operator:
        appointments.move(operator, failed, Status.FAILED, Status.PENDING, why="again", by="operator")

        deleted = delete_before(record.engine, now - BEFORE)
        operator.commit()

    assert deleted["appointments"] == 0
    assert record.read(failed).status is Status.PENDING


@pytest.mark.parametrize(("days", "pruned"), [("90", 10), ("120", 0), ("0", 0)])
def test_a_run_keeps_what_the_setting_says(settings: Any, record: Any, now: datetime, days: str, pruned: int) -> None:
    """RETENTION_DAYS; 0 keeps all for ever."""
    settings(RETENTION_DAYS=days)
    many(record, 10, now)

    deleted = delete_older(dependencies.current().engine, dependencies.current().timings.retention)

    assert deleted.get("failure_metrics", 0) == pruned
    assert left(record, "failure_metrics") == 20 - pruned
    dependencies.current().engine.dispose()


def test_the_page_s_counts_and_actions_go_with_the_rest(record: Any, now: datetime) -> None:
    """Minutes and operators' actions of before; one that was broken off, too."""
    with record.engine.begin() as conn:
        for age in (OLD, YOUNG):
            conn.execute(text("INSERT INTO booking_minutes (minute) VALUES (:at)"), {"at": now + age})
            for done in (None, now + age):
                action = (
                    "INSERT INTO operator_actions (request_id, who, via, action, asked_at, done_at)"
                    " VALUES (gen_random_uuid(), 'ann', 'page', 'retry', :at, :done)"
                )
                conn.execute(text(action), {"at": now + age, "done": done})

    deleted = delete_before(record.engine, now - BEFORE, batch=1)

    assert (deleted["booking_minutes"], left(record, "booking_minutes")) == (1, 1)
    assert (deleted["operator_actions"], left(record, "operator_actions")) == (2, 2)
