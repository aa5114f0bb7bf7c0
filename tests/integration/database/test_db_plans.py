"""A beat with nothing to do, and a search for one booking, read next to nothing, however many are held or done."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from booking_client.database.statements import load
from booking_client.keep_rule import KeepRule
from db.appointments import event_types
from db.appointments.event_types import EventKind, ShownType
from db.connection import deadline
from db.models.accounts import AccountState
from db.queue.kinds import KINDS
from db.sql import prepared, statement
from tests.support.accounts.making import make_account

ROOT = Path(__file__).parents[3]
BLOCKS = 60  # of 8 KiB; 40,000 rows fill some 1,500
EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
FILL = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at, enqueued_at, calcom_booking_uid,
    resilience_strategy, requested_at
)
SELECT
    CAST(n AS text), false, 'hash', 'correlation', CAST(n AS text), 101, now() + interval '30 days', 'Ann Example',
    'ann@example.com', 'UTC', status, reason, CASE WHEN status = 'held' THEN now() END, now(), 'uid',
    CASE WHEN status = 'held' THEN 'graceful_degradation' END, now() - interval '1 hour'
FROM generate_series(1, 40000) AS n
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN n % 2 = 0 THEN 'held' ELSE 'confirmed' END AS status,
        CASE WHEN n % 2 = 0 THEN 'breaker_open' END AS reason
) AS state
"""
LISTED = {
    "api_key": 1,
    "below": 2**62,
    "most": 1000,
    "limit": 20,
    **dict.fromkeys(("statuses", "event_type", "starts", "ends")),
}
SWEEPS: dict[str, dict[str, Any]] = {
    "waiting": {"accounts": [1], "limit": 16, "postable": False},
    "change_line": {"accounts": [1], "limit": 16, "postable": False, "kinds": ["cancel", "reschedule"]},
    "in_line": {"after": 0, "limit": 16, "service": None},
    "change_late": {"limit": 5, "lease_seconds": 60},
    "expire": {"lead_seconds": 0, "limit": 500},
    "never_known": {"limit": 500},
    "series_due": {"limit": 500},
    "accounts_held": {"after": 0, "limit": 10, "most": 500},
    "held_causes": {
        "whole": False,
        "unreadable": "unreadable",
        "missing_type": "no_event_type",
        "create": "bookings.create",
        "services": ["calcom"],
        "reasons": ["credentials", "configuration"],
        "near_seconds": 7200,
        "of_each": 50,
        "of_all": 50,
        "first_account": 1,
        "last_account": 2**31 - 1,
        "most": 1000,
        "cap": 1000,
        "all": 1000,
    },
    "change_wish": {"after": 0},
}
OF_EACH_KIND: dict[str, dict[str, Any]] = {
    "release_due": {
        "account": 1,
        "key": "key",
        "settings": "set",
        "limit": 500,
        "key_works": True,
        "settings_work": True,
        "closed": True,
    },
    "waiting_for_a_call": {"account": 1, "key": "key", "settings": "set", "fresh_seconds": 60},
    "first_to_try": {"account": 1, "settings": "set"},
    "flag_degraded": {"max_age_seconds": 900, "limit": 500},
    "lost_leases": {"limit": 500, "settle_seconds": 130, "ends_seconds": 160, "lease_seconds": 50, "suspect_at": 3},
    "unsent": {"limit": 500, "queue_empty": True, "patience_seconds": 5, "overtaken_seconds": 30},
    "suspects_due": {"limit": 500, "again_seconds": 3600},
}
"""Statements of the one queue, asked of bookings and of changes."""


@pytest.mark.fresh_database
@pytest.mark.long
@pytest.mark.parametrize("analysed", [False, True])
def test_an_idle_beat_reads_next_to_nothing(record: Any, analysed: Any) -> None:
    """With 20,000 bookings held for the breaker, long flagged, and 20,000 done, with and without statistics."""
    with deadline(None), record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET statement_timeout = 0"))  # the rows take as long as they take here
        conn.execute(text("ALTER TABLE appointments SET (autovacuum_enabled = false)"))  # or it may come in between
        conn.execute(text(FILL))
        conn.execute(text("VACUUM ANALYZE appointments" if analysed else "VACUUM appointments"))

        read: dict[Any, int] = {name: blocks(conn, name, parameters) for name, parameters in SWEEPS.items()}
        for kind in KINDS:
            for name, parameters in OF_EACH_KIND.items():
                explained = text(f"{EXPLAIN} {kind.statement(name).text}")
                read[kind.table, name] = read_by(conn.execute(explained, parameters))
        own = conn.exec_driver_sql(f"{EXPLAIN} {prepared('views_of_key', 'own.id')}", LISTED)
        read["views_of_key"] = read_by(own)

    assert {name: count for name, count in read.items() if count > BLOCKS} == {}


@pytest.mark.fresh_database
@pytest.mark.long
@pytest.mark.parametrize("analysed", [False, True])
def test_a_confirmation_reads_one_entry_of_who_waits(record: Any, analysed: Any) -> None:
    """Whatever is held for other times, and for its own time where its type may take more."""
    row = record.claimed()
    with deadline(None), record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET statement_timeout = 0"))
        conn.execute(text("ALTER TABLE appointments SET (autovacuum_enabled = false)"))
        conn.execute(text(FILL))
        conn.execute(text("VACUUM ANALYZE appointments" if analysed else "VACUUM appointments"))

        changed = "changed AS (SELECT * FROM appointments WHERE id = %(id)s), "
        asked = f"{EXPLAIN} WITH {changed}{prepared('taken')} SELECT FROM taken"
        alone = read_by(conn.exec_driver_sql(asked, {"by": "worker", "id": row.id}))
        there = "UPDATE appointments SET start_at = (SELECT min(start_at) FROM appointments WHERE status = 'held')"
        conn.exec_driver_sql(f"{there} WHERE id = %(id)s", {"id": row.id})
        crowded = read_by(conn.exec_driver_sql(asked, {"by": "worker", "id": row.id}))

    assert (alone < 2 * BLOCKS // 3, crowded < BLOCKS) == (True, True), (alone, crowded)


@pytest.mark.fresh_database
@pytest.mark.long
@pytest.mark.parametrize("analysed", [False, True])
def test_a_closed_account_costs_little_however_many_are_held(record: Any, analysed: Any) -> None:
    """What is held of it, by each kind of rows, and what an account that is to be closed has."""
    number, _ = make_account(record.engine, AccountState.CLOSED)
    with deadline(None), record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET statement_timeout = 0"))
        conn.execute(text(FILL))
        conn.execute(text("VACUUM ANALYZE appointments" if analysed else "VACUUM appointments"))

        asked = {"held_of_closed": {"cap": 1000}, "unfinished": {"account": number}}
        read = {
            (kind.table, name): read_by(conn.execute(text(f"{EXPLAIN} {kind.statement(name).text}"), parameters))
            for kind in KINDS
            for name, parameters in asked.items()
        }

    assert {name: count for name, count in read.items() if count > BLOCKS} == {}


@pytest.mark.fresh_database
@pytest.mark.long
@pytest.mark.parametrize("analysed", [False, True])
def test_a_look_at_what_is_due_reads_next_to_nothing(record: Any, analysed: Any) -> None:
    """However much is held; and after an outage, by its statistics, when nothing is held any more."""
    with deadline(None), record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET statement_timeout = 0"))  # as above
        conn.execute(text("ALTER TABLE appointments SET (autovacuum_enabled = false)"))
        conn.execute(text(FILL))
        conn.execute(text("VACUUM ANALYZE appointments" if analysed else "VACUUM appointments"))
        held = blocks(conn, "due", {})
        conn.execute(text(ALL_BOOKED))
        conn.execute(text("VACUUM appointments"))  # its indexes keep the entries of what is gone until then

        assert max(held, blocks(conn, "due", {})) <= BLOCKS


ALL_BOOKED = """
UPDATE appointments
SET status = 'confirmed', hold_reason = NULL, held_at = NULL, resilience_strategy = NULL
WHERE status = 'held'
"""
UNTAKEN = """
UPDATE appointments
SET status = 'pending', calcom_booking_uid = NULL, enqueued_at = NULL, updated_at = created_at
WHERE idempotency_key = '1'
"""
REQUEST = {
    "number": 0,
    "uuid": "00000000-0000-4000-8000-000000000001",
    "idempotency_key": "asked",
    "key_derived": False,
    "payload_hash": "hash",
    "correlation_id": "correlation",
    "task_id": "asked",
    "event_type_id": 101,
    "start_at": "2030-03-05T09:00:00Z",
    "attendee_name": "Ann Example",
    "attendee_email": "ann@example.com",
    "attendee_time_zone": "UTC",
    "guests": [],
    "booking_fields_responses": {},
    "request_metadata": {},
}


@pytest.mark.fresh_database
@pytest.mark.long
@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("own", [True, False])
def test_a_request_reads_little_however_many_are_held(record: Any, analysed: Any, own: Any) -> None:
    """Of its own account or another's; one that is stored, and one that a client has stored and is taken up."""
    _, other = make_account(record.engine)
    request = REQUEST | ({} if own else {"account": other})
    # 40,000 rows take a busy machine longer than a statement of the product may take: by Postgres and by the driver
    with deadline(None), record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET statement_timeout = 0"))
        conn.execute(text(FILL))
        conn.execute(text(UNTAKEN))
        conn.execute(text("VACUUM ANALYZE appointments" if analysed else "VACUUM appointments"))
        rule = KeepRule(behind_others=True)
        given = {"requests": json.dumps([request]), "not_after": None, **rule.parameters}
        event_types.keep(conn, "key", "101", ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=False))
        alone = conn.exec_driver_sql(f"{EXPLAIN} {load('not_first', None)}", given)
        stored = conn.exec_driver_sql(f"{EXPLAIN} {load('insert', None, 'id, status')}", given)
        asked = {"lead_seconds": 0, "blocked": [], "admitted": "{}", "limit": 500}

        read = {"not_first": read_by(alone), "insert": read_by(stored), "requested": blocks(conn, "requested", asked)}
        held = conn.execute(text("SELECT hold_reason FROM appointments WHERE idempotency_key = 'asked'")).scalar_one()

    assert held == ("breaker_open" if own else None)
    assert {name: count for name, count in read.items() if count > 2 * BLOCKS} == {}


@pytest.mark.long
def test_no_search_and_no_sweep_reads_more_because_more_has_ended() -> None:
    """Beside 60,000 ended bookings at most twice as many blocks as beside 600, and a few for higher indexes."""
    command = [sys.executable, "benchmarks/plans.py", "--few", "600", "--many", "60000", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert ran.stdout, ran.stderr
    read = json.loads(ran.stdout)
    assert {one["analysed"] for one in read} == {False, True}
    assert [one for one in read if one["grows"]] == []
    assert ran.returncode == 0


def blocks(conn: Any, name: str, parameters: dict[str, Any]) -> int:
    """Run a sweep and return how many blocks it looked at."""
    return read_by(conn.execute(text(f"{EXPLAIN} {statement(name).text}"), parameters))


def read_by(explained: Any) -> int:
    """Return how many blocks a statement looked at."""
    [top] = explained.scalar_one()
    return int(top["Plan"]["Shared Hit Blocks"]) + int(top["Plan"]["Shared Read Blocks"])
