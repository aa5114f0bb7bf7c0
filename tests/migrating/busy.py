"""A database of the first revision in use: it has bookings, and others are claimed, swept and asked for in it.

Plain statements, which work on the tables of each revision. They lock as workers do: a booking, then its events.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.running.waiting import eventually

CLAIMERS, CALLERS = 4, 2
_BOOKINGS = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, calcom_booking_uid, requested_at, enqueued_at
)
SELECT
    'key ' || n, n %% 2 = 0, 'hash', 'correlation ' || n, 'task ' || n, 101 + n %% 7, now() + n * interval '1 minute',
    'Pat Example', 'pat' || n || '@example.com', 'Europe/Berlin',
    CASE WHEN n %% 100 = 0 THEN 'pending' WHEN n %% 50 = 0 THEN 'rejected' ELSE 'confirmed' END,
    CASE WHEN n %% 50 > 0 THEN 'uid ' || n END, now() - n * interval '1 second', now() - n * interval '1 second'
FROM generate_series(1, %(rows)s) AS n
"""
_EVENTS = """
INSERT INTO appointment_events (appointment_id, kind, by)
SELECT id, kind, 'worker' FROM appointments, unnest('{enqueued,claimed,confirmed}'::text[]) AS kind
"""
_CLAIM = """
UPDATE appointments SET status = 'booking', claim_token = gen_random_uuid(), lease_expires_at = now() + interval '60 s'
WHERE id = (
    SELECT id FROM appointments WHERE status = 'pending' ORDER BY enqueued_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
_CONFIRM = """
UPDATE appointments SET status = 'confirmed', claim_token = NULL, lease_expires_at = NULL, calcom_booking_uid = 'uid'
WHERE id = %s
"""
_EVENT = "INSERT INTO appointment_events (appointment_id, kind, by) VALUES (%s, %s, 'worker')"
_SWEEP = """
UPDATE appointments SET enqueued_at = now(), resends = resends + 1
WHERE id IN (
    SELECT id FROM appointments WHERE status = 'pending' ORDER BY enqueued_at LIMIT 20 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
_ASK = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, enqueued_at
)
VALUES (
    %(key)s, false, 'hash', 'c', %(key)s, 101, now() + interval '9 days', 'Pat Example', 'pat@example.com', 'UTC', now()
)
ON CONFLICT DO NOTHING RETURNING id
"""


@dataclass
class Seen:
    """What those at work have met: how often each was done, what failed, how long callers waited (seconds)."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    waited: list[float] = field(default_factory=list)


def fill(url: str, rows: int) -> None:
    """Fill the tables of the first revision: so many bookings, three events of each."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(_BOOKINGS, {"rows": rows})
        conn.execute(_EVENTS)
        conn.execute("ANALYZE")


@contextmanager
def at_work(url: str) -> Iterator[Seen]:
    """Claim, sweep and ask for bookings until the block ends; it begins when each has done so once."""
    seen, over = Seen(), threading.Event()
    parts: list[Callable[[psycopg.Connection], str]] = [*[_claim] * CLAIMERS, _sweep]
    hands = [threading.Thread(target=_repeat, args=(url, part, seen, over, 0.02)) for part in parts]
    hands += [threading.Thread(target=_repeat, args=(url, _asks(seen, n), seen, over, 0.05)) for n in range(CALLERS)]
    for hand in hands:
        hand.start()
    try:
        eventually(lambda: len(seen.done) == len({"claim", "sweep", "ask"}), what="all are at work")
        yield seen
    finally:
        over.set()
        for hand in hands:
            hand.join()


def _repeat(
    url: str, part: Callable[[psycopg.Connection], str], seen: Seen, over: threading.Event, pause: float
) -> None:
    chance = random.Random(1)  # noqa: S311 - they must not go in step
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as conn:
        while not over.wait(chance.uniform(0, 2 * pause)):
            try:
                seen.done[part(conn)] += 1
            except psycopg.Error as error:
                seen.failed[f"{error.sqlstate} {error.diag.message_primary}"] += 1


def _claim(conn: psycopg.Connection) -> str:
    with conn.transaction():
        claimed = conn.execute(_CLAIM).fetchone()
        if claimed:
            conn.execute(_EVENT, (claimed[0], "claimed"))
    if claimed:
        with conn.transaction():
            conn.execute(_CONFIRM, claimed)
            conn.execute(_EVENT, (claimed[0], "confirmed"))
    return "claim"


def _sweep(conn: psycopg.Connection) -> str:
    with conn.transaction():
        for (swept,) in conn.execute(_SWEEP).fetchall():
            conn.execute(_EVENT, (swept, "resent"))
    return "sweep"


def _asks(seen: Seen, caller: int) -> Callable[[psycopg.Connection], str]:
    def ask(conn: psycopg.Connection) -> str:
        began = time.monotonic()
        conn.execute(_ASK, {"key": f"caller {caller} {began}"})
        seen.waited.append(time.monotonic() - began)
        return "ask"

    return ask
