"""How many blocks of PostgreSQL a beat reads with 10,000 accounts in line, beside 100, while as many bookings go.

Both have as many bookings in line. Blocks are those of the tables and their indexes, by PostgreSQL's own count: the
machine does not matter.
"""

import sys
from collections.abc import Iterator

from plans import FETCHED, RUNS, database
from sqlalchemy import Connection, Engine, text

from db import accounts
from db.appointments import queue
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tasks.maintenance.line import line_of
from tasks.maintenance.release import ACCOUNTS
from tasks.maintenance.turns import AHEAD
from worker.local import embedded

MANY, FEW, ROWS = 10_000, 100, 20_000
PLACES = 64  # of the release window

_ACCOUNTS = """
INSERT INTO calcom_accounts (name, service, base_url, encrypted_key, key_fingerprint, alone, neighbours)
SELECT
    'account-' || n, 'calcom', 'https://cal.example.com', 'opens nothing', 'key-' || n, false, CAST(:count AS int)
FROM generate_series(1, CAST(:count AS int)) AS n
"""
_LINES = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at, requested_at, account_id
)
SELECT
    'line-' || n, false, 'hash', 'correlation', 'line-' || n, 101, now() + interval '30 days', 'Ann Example',
    'ann@example.com', 'UTC', 'held', 'throttled', now(), now(), own.id
FROM generate_series(1, CAST(:bookings AS int)) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM calcom_accounts WHERE id <> 1) AS own
    ON own.place = n % CAST(:count AS int)
"""


def pairs() -> Iterator[dict[str, float]]:
    """Count both, once: the same is read again and again."""
    with embedded.servers(valkey=False) as servers:
        read = {}
        for count in (FEW, MANY):
            with database(servers.postgres, f"beat_{count}") as engine:
                _fill(engine, count)
                read[count] = _blocks(engine)
    print(f"  {read[FEW]} blocks, {read[MANY]} with {MANY:,} accounts", file=sys.stderr, flush=True)
    yield {"accounts_beat": read[MANY] / read[FEW]}


def _fill(engine: Engine, count: int) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text(_ACCOUNTS), {"count": count})
        conn.execute(text(_LINES), {"count": count, "bookings": ROWS})
        conn.execute(text("VACUUM ANALYZE"))


def _blocks(engine: Engine) -> int:
    """Return the blocks that a beat reads, when its statements are prepared."""
    read = 0
    with engine.connect() as conn:
        for _ in range(RUNS):
            with conn.begin_nested() as undone:
                before = conn.execute(FETCHED).scalar_one()
                _beat(conn)
                read = int(conn.execute(FETCHED).scalar_one() - before)
                undone.rollback()
    return read


def _beat(conn: Connection) -> None:
    """Read and let go as a beat does where the breaker grants each place."""
    accounts.held(conn, after=0, limit=ACCOUNTS)
    found = [pace.id for pace in queue.in_line(conn, after=0, limit=PLACES + AHEAD)]
    line = line_of(conn, found, -(-(PLACES + AHEAD) // len(found)), postable=False)
    queue_sweeps.release_these(conn, BOOKINGS, [int(items[0]) for items in list(line.values())[:PLACES]])
