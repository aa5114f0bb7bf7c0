"""What waits at the front door, as it is read and told: changes, callbacks and webhooks; the cost does not grow."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from db import calcom_webhooks
from db.changes import moves
from db.lifecycle import ChangeStatus, Status
from db.monitoring import front_door
from db.monitoring.front_door import OpenCallbacks
from tasks import dependencies
from tasks.overview.payload import payload
from tasks.overview.reading import read_overview
from tasks.overview.verdict import verdict
from tests.support.callbacks.callers import LOOPBACK, confirmed, key_with, sql
from tests.support.changes import ask_change
from tests.support.prometheus.exporting import told
from tests.support.schema.blocks import blocks_read
from worker.cli.status import answer

HINT = """
INSERT INTO calcom_webhooks (account_id, trigger, uid, told_at, body_hash, received_at, next_at, outcome)
SELECT 1, :trigger, 'uid', now(), sha256(CAST(random() AS text)::bytea), now() - CAST(:age AS interval),
    CASE WHEN CAST(:outcome AS text) IS NULL THEN now() END, :outcome
"""
# Long stored: delivered callbacks, changes that are over, webhooks of a hundred accounts; and more than CAP of all
# that waits.
FILL = (
    """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, calcom_booking_uid, requested_at, updated_at
)
SELECT
    CAST(n AS text), false, 'hash', 'correlation', CAST(n AS text), 101, now(), 'Ann Example', 'ann@example.com', 'UTC',
    'confirmed', 'uid', now() - n * interval '1 minute', now() - n * interval '1 minute'
FROM generate_series(1, 20000) AS n
""",
    """
INSERT INTO callbacks (
    appointment_id, sequence, api_key_id, type, data, about, url, host, created_at, delivered_at, given_up_at, trouble
)
SELECT
    id, 1, 1, 'booking.confirmed', '{}', '{}', 'https://example.com/hooks', 'example.com', requested_at,
    CASE WHEN id % 10 > 3 AND id <= 10000 THEN updated_at END,
    CASE WHEN id % 10 = 0 OR id % 10 > 3 AND id > 10000 THEN updated_at END,
    CASE WHEN (id % 10 = 0 OR id % 10 > 3) AND id > 10000 THEN 'dropped' END
FROM appointments
""",
    """
INSERT INTO calcom_webhooks (account_id, trigger, uid, told_at, body_hash, received_at, outcome)
SELECT 1 + id % 100, 'BOOKING_CREATED', 'uid', requested_at, sha256(CAST(id AS text)::bytea), requested_at, 'said'
FROM appointments
""",
    "SET session_replication_role = replica",  # no trigger writes into 40,000 bookings that a change waits
    """
INSERT INTO booking_changes (
    appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, correlation_id, task_id,
    line_at, requested_at
)
SELECT
    id, 1, 'calcom', 'cancel', CASE WHEN id % 2 = 0 THEN 'waiting' ELSE 'done' END, start_at, 'a test', 'caller',
    'API', 'correlation', CAST(id AS text), now(), requested_at
FROM appointments
""",
    "RESET session_replication_role",
    "VACUUM ANALYZE",
)
READ = """
SELECT coalesce(sum(pg_stat_get_xact_blocks_fetched(oid)), 0)
FROM pg_class WHERE relname ~ '^(appointments|callbacks|calcom_webhooks|booking_changes|operator_actions)'
"""
QUESTIONS: dict[str, Callable[[Connection], Any]] = {
    "overview": lambda conn: front_door.read(conn, datetime.now(UTC)),
    "troubles": front_door.callback_troubles,
    "silent": lambda conn: front_door.silent_webhooks(conn, known=[], grace=timedelta(minutes=10)),
    "last": lambda conn: calcom_webhooks.last_received(conn, 7),
}
BLOCKS = 400  # CAP rows by an index, and two descents for each of 100 accounts


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def test_what_waits_is_told_by_the_page_the_command_line_and_the_metrics_alike(record: Any) -> None:
    """By state and age; what is over, delivered, older than a day, forgotten, or wanted no more is none."""
    key = key_with("https://example.com/hooks")
    first, second, third, fourth, fifth = (confirmed(key) for _ in range(5))
    sql("UPDATE callbacks SET delivered_at = now(), next_at = NULL WHERE appointment_id = :id", id=first)
    sql("UPDATE callbacks SET given_up_at = now(), next_at = NULL WHERE appointment_id = :id", id=second)
    sql("UPDATE callbacks SET created_at = now() - interval '5 minutes' WHERE appointment_id = :id", id=third)
    gone = "UPDATE callbacks SET given_up_at = now(), next_at = NULL, trouble = '410' WHERE appointment_id = :id"
    sql(gone, id=fourth)
    forgotten = "UPDATE callbacks SET given_up_at = now(), next_at = NULL, url = '' WHERE appointment_id = :id"
    sql(forgotten, id=fifth)
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1")
    with record.engine.begin() as conn:
        waiting, over = (ask_change(conn, row, status=ChangeStatus.WAITING) for _ in range(2))
        assert moves.move(conn, over.id, ChangeStatus.WAITING, ChangeStatus.DONE, why="a test")
    sql("UPDATE booking_changes SET requested_at = now() - interval '3 minutes' WHERE id = :id", id=waiting.id)
    for age, outcome in (("1 hour", "said"), ("2 hours", "said"), ("1 second", None), ("25 hours", "said")):
        sql(HINT, trigger="BOOKING_CREATED", age=age, outcome=outcome)
    sql(HINT, trigger="BOOKING_CANCELLED", age="1 hour", outcome="too old")
    sql(HINT, trigger="BOOKING_REQUESTED", age="1 hour", outcome="too soon")

    seen = read_overview(dependencies.current())
    shown = payload(seen, verdict(seen))["front_door"]
    [change] = shown["changes"]
    assert (change["state"], change["count"]) == ("waiting", 1)
    assert (shown["callbacks"]["waiting"], shown["callbacks"]["given_up"]) == (1, 1)
    assert [(one["trigger"], one["outcome"], one["count"]) for one in shown["webhooks"]] == [
        ("BOOKING_CANCELLED", "too old", 1),
        ("BOOKING_CREATED", "said", 2),
        ("BOOKING_CREATED", None, 1),
        ("BOOKING_REQUESTED", "too soon", 1),
    ]
    assert list(answer.front_door(seen)) == [
        ("changes", "waiting 1, oldest asked 3 min ago"),
        ("callbacks", "1 waiting, oldest 5 min ago, 1 given up (`booking callbacks`)"),
        ("webhooks", "BOOKING_CANCELLED in 24 h: too old 1"),
        ("webhooks", "BOOKING_CREATED in 24 h: said 2, waits 1"),
        ("webhooks", "BOOKING_REQUESTED in 24 h: too soon 1"),
    ]
    metrics = told()
    by_state = {state: metrics[f'booking_callbacks{{state="{state}"}}'] for state in ("waiting", "given_up")}
    assert by_state == {"waiting": 1, "given_up": 1}
    assert 300 <= metrics["booking_oldest_callback_seconds{}"] < 600
    assert 180 <= metrics["booking_oldest_change_seconds{}"] < 480
    hints = {
        (trigger, outcome): metrics[f'booking_calcom_webhooks{{outcome="{outcome}",trigger="BOOKING_{trigger}"}}']
        for trigger, outcome in (
            ("CREATED", "said"), ("CREATED", "waits"), ("CANCELLED", "too_old"), ("REQUESTED", "too_soon"),
        )
    }  # fmt: skip
    assert list(hints.values()) == [2, 1, 1, 1]


def test_an_outcome_of_another_release_is_told_as_other() -> None:
    """A label has no word that is not known here."""
    sql(HINT, trigger="BOOKING_PAID", age="1 hour", outcome="ann@example.com")

    metrics = told()
    assert metrics['booking_calcom_webhooks{outcome="other",trigger="other"}'] == 1
    assert "ann@example.com" not in str(metrics)


def test_nothing_waits_and_nothing_is_said_in_a_quiet_fleet() -> None:
    """No line of `booking status`, and no age."""
    confirmed(None)
    seen = read_overview(dependencies.current())

    assert seen.record is not None
    assert (seen.record.front_door.callbacks, list(answer.front_door(seen))) == (OpenCallbacks(), [])
    assert told()["booking_oldest_callback_seconds{}"] == 0


@pytest.mark.fresh_database
def test_a_reading_costs_no_more_with_all_that_is_stored(record: Any) -> None:
    """Beside 20,000 bookings, each with a callback and a webhook; thousands of callbacks wait, or are let be."""
    key_with(None)
    read = blocks_read(record.engine, FILL, QUESTIONS, READ)
    with record.engine.begin() as conn:
        door = front_door.read(conn, datetime.now(UTC))

    assert {name: count for name, count in read.items() if count > BLOCKS} == {}
    [changes], seen = door.changes, door.callbacks
    assert (changes.count, seen.waiting, seen.given_up) == (front_door.CAP,) * 3
    assert changes.oldest_at == sql("SELECT min(requested_at) FROM booking_changes WHERE status = 'waiting'")
    oldest = sql("SELECT min(created_at) FROM callbacks WHERE delivered_at IS NULL AND given_up_at IS NULL")
    assert seen.oldest_at == oldest
