"""How many blocks each search and sweep reads beside few ended bookings, and beside many: it must not grow with them.

A real PostgreSQL is filled twice; everything runs as the product runs it, without statistics and with them. Blocks are
those of the tables and their indexes, by PostgreSQL's own count. Exits with 1 when something reads more than twice as
much and a few blocks more: an index grows in height, too.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy import Connection, Engine, text

from db import appointments, revisions
from db.appointments import event_types, events, others, queue, series
from db.audits import bookings, changes, doubles
from db.engine import make_engine
from db.lifecycle import HoldReason, Status
from db.monitoring import status_queries
from db.queue import due, held, waits
from db.queue import sweeps as queue_sweeps
from db.queue.held import HeldSo
from db.queue.kinds import BOOKINGS
from worker.local import embedded

RATIO = 2.0
HEIGHT = 6  # blocks: so much more may higher indexes cost
LIVING = 20_000  # bookings that wait: so many that their own indexes look dear to the planner
RUNS = 7  # psycopg prepares at the sixth, and only then may PostgreSQL choose a plan for all parameters
BATCH = 50_000
NOW = datetime.now(UTC)
DAY = timedelta(days=1)

# Ended bookings of all kinds, one every twenty minutes, as they are kept: mostly confirmed, a few once unknown.
_ENDED = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, enqueued_at, calcom_booking_uid, requested_at, created_at, updated_at,
    sent_at
)
SELECT
    'ended-' || n, n % 2 = 0, 'hash', 'correlation', 'ended-' || n, 101 + n % 40, asked + interval '7 days',
    'Ann Example', 'ann@example.com', 'UTC', status, asked, CASE WHEN status = 'confirmed' THEN 'uid' END, asked, asked,
    asked, CASE WHEN n % 50 IN (0, 9) THEN asked END
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN n % 10 < 7 THEN 'confirmed'
            ELSE (ARRAY['rejected', 'failed', 'expired', 'cancelled'])[1 + n / 10 % 4]
        END AS status,
        now() - n * interval '20 minutes' AS asked
) AS one
"""
_STORIES = """
INSERT INTO appointment_events (appointment_id, kind, by, created_at)
SELECT id, status, 'worker', updated_at
FROM appointments
WHERE CAST(substr(task_id, 7) AS int) BETWEEN :first AND :last
"""
# Beside them what lives: in every hold, long held and flagged or not, on its way, and at work. Nothing of it is due.
_LIVING = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at, hold_until, held_for, settle_at, enqueued_at,
    claim_token, lease_expires_at, requested_at, resilience_strategy
)
SELECT
    'living-' || n, false, 'hash', 'correlation', 'living-' || n, 101,
    now() + interval '1 day' + n * interval '1 minute', 'Ann Example', 'ann@example.com', 'UTC', status, reason,
    CASE WHEN status = 'held' THEN now() - interval '1 minute' END, -- what is held by state rests for seconds
    CASE WHEN reason IN ('settling', 'unreachable', 'suspect') THEN now() + interval '1 hour' END,
    CASE WHEN reason IN ('blind_key', 'credentials') THEN 'key' WHEN reason = 'configuration' THEN 'set' END, now(),
    now() + interval '1 hour', CASE WHEN status = 'booking' THEN gen_random_uuid() END,
    CASE WHEN status = 'booking' THEN now() + interval '1 hour' END,
    CASE WHEN n % 16 < 8 THEN now() ELSE now() - interval '2 days' END,
    CASE WHEN n % 16 < 8 THEN NULL ELSE 'graceful_degradation' END
FROM generate_series(1, CAST(:living AS int)) AS n
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN n % 20 < 16 THEN 'held' WHEN n % 20 < 19 THEN 'pending' ELSE 'booking' END AS status,
        CASE
            WHEN n % 20 < 16 THEN (ARRAY[
                'breaker_open', 'throttled', 'unreachable', 'settling', 'blind_key', 'credentials', 'configuration',
                'suspect'
            ])[1 + n % 8]
        END AS reason
) AS one
"""
FETCHED = text("""
SELECT sum(pg_stat_get_xact_blocks_fetched(oid))
FROM pg_class
WHERE relnamespace = CAST('public' AS regnamespace) AND relkind IN ('r', 'i')
""")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; return 1 when something grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=6_000, help="ended bookings of the first filling")
    parser.add_argument("--many", type=int, default=600_000, help="ended bookings of the second filling")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    found: list[Read] = []
    with embedded.servers(valkey=False) as servers:
        for analysed in (False, True):
            with database(servers.postgres, "analysed" if analysed else "unanalysed") as engine:
                found += compare(engine, asked.few, asked.many, analysed=analysed)
    if asked.json:
        print(json.dumps([asdict(one) | {"grows": one.grows} for one in found]))
    else:
        print(f"{'blocks read beside':26}{asked.few:>10}{asked.many:>10}  ended bookings")
        for one in found:
            statistics = "analysed" if one.analysed else "without statistics"
            print(f"{one.name:26}{one.few:10}{one.many:10}  {statistics}{', GROWS' if one.grows else ''}")
    return int(any(one.grows for one in found))


@contextlib.contextmanager
def database(server: embedded.Postgres, name: str) -> Iterator[Engine]:
    """Make an empty, migrated database whose statistics come when they are asked for."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    engine = make_engine(server.url_of(name), statement_timeout_ms=0)
    revisions.upgrade(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for table in ("appointments", "appointment_events", "calcom_event_types"):
            conn.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
    yield engine
    engine.dispose()


@dataclass(frozen=True)
class Read:
    """Say how many blocks one search or sweep read beside few ended bookings, and beside many."""

    name: str
    analysed: bool
    few: int
    many: int

    @property
    def grows(self) -> bool:
        """Say whether it reads more because there are more."""
        return self.many > RATIO * self.few + HEIGHT


def searches(conn: Connection) -> dict[str, Callable[[], object]]:
    """Return everything that is measured, by name."""
    row, booked = _found(conn, "living-1"), _found(conn, "ended-1")
    in_line = [one for one, _ in queue.waiting(conn, 5, postable=False)]
    week = (NOW + DAY, NOW + 2 * DAY)
    return {
        "due": lambda: due.look(conn),
        "release_due": lambda: queue_sweeps.release_due(conn, BOOKINGS, key="key", settings="set", limit=500),
        "release_due, by state": lambda: queue_sweeps.release_due(
            conn, BOOKINGS, key="key", settings="set", limit=500, key_works=True, settings_work=True
        ),
        "waiting_for_a_call": lambda: waits.waiting_for_a_call(conn, key="key", settings="set", fresh_seconds=60),
        "first_to_try": lambda: waits.first_to_try(conn, settings="set"),
        "count_held": lambda: held.count(conn, BOOKINGS, HeldSo(HoldReason.SUSPECT)),
        "release_kind": lambda: held.release(conn, BOOKINGS, HeldSo(HoldReason.SUSPECT), since=NOW, why="", limit=500),
        "release_these": lambda: queue_sweeps.release_these(conn, BOOKINGS, in_line),
        "waiting": lambda: queue.waiting(conn, 80, postable=False),
        "waiting, postable": lambda: queue.waiting(conn, 80, postable=True),
        "line": lambda: waits.backlog_reason(conn),
        "flag_degraded": lambda: queue_sweeps.flag_degraded(conn, BOOKINGS, max_age_seconds=900, limit=500),
        "expire": lambda: appointments.expire(conn, lead_seconds=0, limit=500),
        "lost_leases": lambda: queue_sweeps.lost_leases(conn, BOOKINGS, 500, settle_seconds=130),
        "unsent, queue empty": lambda: queue_sweeps.unsent(conn, BOOKINGS, 500, queue_empty=True),
        "unsent": lambda: queue_sweeps.unsent(conn, BOOKINGS, 500, queue_empty=False),
        "never_known": lambda: appointments.never_known(conn, 500),
        "suspects_due": lambda: queue_sweeps.suspects_due(conn, BOOKINGS, 500, again_seconds=3600),
        "series_due": lambda: series.series_due(conn, 500),
        "find, id": lambda: appointments.find(conn, str(row.id)),
        "find, uuid": lambda: appointments.find(conn, str(row.uuid)),
        "find, given key": lambda: appointments.find(conn, "ended-9"),
        "find, derived key": lambda: appointments.find(conn, "ended-2"),
        "find, ended derived key": lambda: appointments.find(conn, "ended-8"),
        "find, no key": lambda: appointments.find(conn, "nobody's"),
        "by_task": lambda: appointments.by_task(conn, row.task_id),
        "confirmed types": lambda: event_types.confirmed(conn),
        "audit, confirmed": lambda: list(bookings.confirmed_between(conn, *week)),
        "audit, ended": lambda: list(bookings.ended_unknown_between(conn, *week)),
        "audit, references": lambda: list(bookings.by_references(conn, [str(row.uuid), str(booked.uuid)])),
        "audit, changes": lambda: changes.ended_between(conn, *week),
        "audit, intents": lambda: doubles.open_intents(conn, *week),
        "notable events": lambda: events.latest(conn, events.NOTABLE, NOW - DAY),
        "ended badly": lambda: status_queries.ended_bookings(conn, Status.FAILED, NOW - DAY),
        "unclear calls": lambda: status_queries.unclear_calls(conn, NOW - DAY),
        "others": lambda: others.seat_before(conn, row),
        "booked before": lambda: others.was_booked_before(conn, booked.uuid, row),
    }


def _found(conn: Connection, key: str) -> appointments.Appointment:
    row = appointments.find(conn, key)
    if row is None:
        raise LookupError(f"{key} was not filled in")
    return row


def compare(engine: Engine, few: int, many: int, *, analysed: bool) -> list[Read]:
    """Fill an empty database with so many ended bookings, then with more; return what was read each time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for number in range(101, 141):
            shown = event_types.ShownType(policy_kind=event_types.EventKind.PLAIN, personal=True, sight=True)
            event_types.keep(conn, "key", str(number), shown)
    fill(engine, 1, few, living=LIVING)
    _vacuum(engine, analysed=analysed)
    before = _measure(engine)
    fill(engine, few + 1, many)
    _vacuum(engine, analysed=analysed)
    after = _measure(engine)
    return [Read(name, analysed, blocks, after[name]) for name, blocks in before.items()]


def fill(engine: Engine, first: int, last: int, *, living: int = 0, stories: bool = True) -> None:
    """Add the ended bookings of these numbers, with what happened to them, and so many that live."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for start in range(first, last + 1, BATCH):
            numbers = {"first": start, "last": min(last, start + BATCH - 1)}
            conn.execute(text(_ENDED), numbers)
            if stories:
                conn.execute(text(_STORIES), numbers)
        if living:
            conn.execute(text(_LIVING), {"living": living})


def _vacuum(engine: Engine, *, analysed: bool) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE" if analysed else "VACUUM"))


def _measure(engine: Engine) -> dict[str, int]:
    """Run each several times, as a process does that lives; return the blocks of the last run, when it is prepared."""
    read: dict[str, int] = {}
    with engine.connect() as conn:
        for name, search in searches(conn).items():
            for _ in range(RUNS):
                with conn.begin_nested() as undone:
                    before = conn.execute(FETCHED).scalar_one()
                    search()
                    read[name] = int(conn.execute(FETCHED).scalar_one() - before)
                    undone.rollback()
    return read


if __name__ == "__main__":
    sys.exit(main())
