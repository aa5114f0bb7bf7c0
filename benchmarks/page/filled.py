"""A database as the page meets it: long kept bookings of all endings, an outage's held ones, and what is under way.

One booking a minute, so that what came lately is as much beside few as beside many: they differ in how long it is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from db.monitoring import booking_minutes, counts_now, status_queries

BATCH = 50_000
START = datetime.now(UTC) + timedelta(days=30)
_MADE = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'appointments' AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
_ENDED = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, enqueued_at, calcom_booking_uid, error_type, requested_at, created_at,
    updated_at
)
SELECT
    'ended-' || n, n % 2 = 0, 'hash', to_char(n, 'FM000000000000') || md5(CAST(n AS text)), gen_random_uuid(),
    101 + n % 8, asked + interval '7 days',
    'Ann Example', 'ann@example.com', 'UTC', status, asked,
    CASE WHEN status = 'confirmed' THEN substr(md5(CAST(n AS text)), 1, 22) END,
    CASE WHEN status = 'failed' THEN (ARRAY['timeout', 'http_500', 'refused'])[1 + n % 3] END, asked, asked, asked
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN n % 10 < 7 THEN 'confirmed'
            ELSE (ARRAY['rejected', 'failed', 'expired', 'cancelled'])[1 + n / 10 % 4]
        END AS status,
        now() - (CAST(:total AS int) - n + 1) * interval '1 minute' AS asked
) AS one
"""
_LIVING = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at, hold_until, held_for, settle_at, enqueued_at,
    claim_token, lease_expires_at, requested_at, resilience_strategy
)
SELECT
    'living-' || n, false, 'hash', md5(CAST(n AS text)), gen_random_uuid(), 101 + n % 8,
    now() + interval '1 hour' + n * interval '1 minute', 'Ann Example', 'ann@example.com', 'UTC', status,
    reason,
    CASE WHEN status = 'held' THEN now() END,
    CASE WHEN reason IN ('settling', 'unreachable', 'suspect') THEN now() + interval '1 hour' END,
    CASE
        WHEN reason IN ('blind_key', 'credentials') THEN 'key'
        WHEN reason = 'configuration' THEN 'set'
        WHEN reason = 'breaker_open' AND n % 3 = 0 THEN 'line'
    END,
    now(),
    CASE WHEN status <> 'held' THEN now() END,
    CASE WHEN status = 'booking' THEN gen_random_uuid() END,
    CASE WHEN status = 'booking' THEN now() + interval '1 hour' END,
    now() - (:living - n) * interval '2 hours' / :living,
    CASE WHEN status = 'held' THEN 'graceful_degradation' END
FROM generate_series(1, CAST(:living AS int)) AS n
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN n > 50 THEN 'held' ELSE (ARRAY['pending', 'pending', 'booking', 'booking', 'retrying'])[1 + n % 5]
        END AS status,
        CASE
            WHEN n <= 50 THEN NULL
            WHEN n > 64 THEN 'breaker_open'
            ELSE (ARRAY[
                'throttled', 'unreachable', 'settling', 'blind_key', 'credentials', 'configuration', 'suspect'
            ])[1 + n % 7]
        END AS reason
) AS one
"""
_STORIES = """
INSERT INTO appointment_events (appointment_id, kind, by, created_at)
SELECT id, kind, 'worker', updated_at
FROM appointments CROSS JOIN LATERAL (VALUES ('retrying'), (status)) AS one (kind)
WHERE status NOT IN ('pending', 'booking', 'retrying', 'held')
"""
# What is counted counts as new as long as it is measured here, as it does where beat ticks.
_NEW = (
    "UPDATE held_now SET counted_at = now() + interval '1 hour'",
    "UPDATE counted_bookings SET counted_until = now() + interval '1 hour'",
)
# A week of what is written each minute whatever happens, and a few changes and incidents: the same beside few and many.
_BESIDE = (
    """
    INSERT INTO booking_minutes (minute, held)
    SELECT date_trunc('minute', now()) - n * interval '1 minute', 0 FROM generate_series(0, 10079) AS n
    ON CONFLICT (minute) DO UPDATE SET held = 0
    """,
    """
    INSERT INTO failure_metrics (
        service, endpoint, error_type, window_start, window_end, success_rate, response_time_buckets, created_at
    )
    SELECT 'calcom', endpoint, error, at, at + interval '1 minute', 0.9, '{1,2,3,4,5,6,5,4,3,2,1,0,0}', at
    FROM generate_series(now() - interval '7 days', now(), interval '1 minute') AS at
    CROSS JOIN (VALUES ('bookings.create', 'timeout'), ('bookings.create', 'http_503'), ('slots', 'none'))
        AS one (endpoint, error)
    """,
    """
    INSERT INTO circuit_breaker_events (service, endpoint, old_state, new_state, reason, epoch, created_at)
    SELECT
        'calcom', CASE WHEN n % 3 = 0 THEN 'bookings.create' END, 'closed', (ARRAY['closed', 'open'])[1 + n % 2],
        'trip', n, now() - (400 - n) * interval '6 hours'
    FROM generate_series(1, 400) AS n
    """,
    """
    INSERT INTO alert_incidents (kind, subject, news, news_at, message, closed_at)
    SELECT 'outage', n, 1, now(), 'Cal.com is down', CASE WHEN n > 2 THEN now() END FROM generate_series(1, 50) AS n
    """,
    "INSERT INTO heartbeats (name, every_seconds, ticked_at) VALUES ('check_health', 5, now())",
)


# What operators did, as many as there are bookings; `bob` has looked at three, and marked none.
_ACTIONS = """
INSERT INTO operator_actions (request_id, who, via, action, why, ids, done_at, done, outcomes)
SELECT
    gen_random_uuid(), CASE WHEN n <= 3 THEN 'bob' ELSE 'ann' END, 'page',
    CASE WHEN n <= 3 THEN 'reveal' ELSE (ARRAY['called', 'retry', 'cancel', 'not_called'])[1 + n % 4] END, 'a reason',
    ARRAY[n], now(), 1, '{}'
FROM generate_series(1, :total) AS n
"""
# A callback and a webhook of each booking, and a change of each tenth: what waits is as much beside few as beside many.
_FRONT_DOOR = (
    # It would write into twenty bookings that a change waits, and those rows would lie apart from their neighbours.
    "ALTER TABLE booking_changes DISABLE TRIGGER booking_changes_asked",
    """
    INSERT INTO callbacks (
        appointment_id, sequence, api_key_id, type, data, about, url, host, created_at, delivered_at, given_up_at
    )
    SELECT
        id, 1, 1, 'booking.confirmed', '{}', '{}', 'https://example.com/hooks', 'example.com', requested_at,
        CASE WHEN place > 55 THEN requested_at END, CASE WHEN place > 50 AND place <= 55 THEN requested_at END
    FROM (SELECT *, row_number() OVER (ORDER BY id DESC) AS place FROM appointments) AS one
    """,
    """
    INSERT INTO calcom_webhooks (account_id, trigger, uid, told_at, body_hash, received_at, outcome)
    SELECT 1, 'BOOKING_CREATED', 'uid', requested_at, sha256(CAST(id AS text)::bytea), requested_at, 'said'
    FROM appointments ORDER BY id
    """,
    """
    INSERT INTO booking_changes (
        appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, correlation_id, task_id,
        line_at, requested_at
    )
    SELECT
        id, 1, 'calcom', 'cancel', CASE WHEN place > 20 THEN 'done' ELSE 'waiting' END, start_at, 'a reason', 'caller',
        'API', correlation_id, CAST(gen_random_uuid() AS text), requested_at, requested_at
    FROM (
        SELECT *, row_number() OVER (ORDER BY id DESC) AS place FROM appointments WHERE id % 10 = 0
    ) AS one
    """,
    "ALTER TABLE booking_changes ENABLE TRIGGER booking_changes_asked",
)


def fill(engine: Engine, total: int, held: int) -> None:
    """Fill an empty database with so many bookings, so many of which are held; counted, vacuumed and analysed."""
    living = held + 50
    with _indexed_afterwards(engine), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for first in range(1, total - living + 1, BATCH):
            last = min(first + BATCH - 1, total - living)
            conn.execute(text(_ENDED), {"first": first, "last": last, "total": total - living})
        conn.execute(text(_LIVING), {"living": living})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for statement in (_STORIES, *_BESIDE, *_FRONT_DOOR):
            conn.execute(text(statement))
        conn.execute(text(_ACTIONS), {"total": total})
    count(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))


def count(engine: Engine) -> None:
    """Count as the periodic tasks do: minutes until nothing is left, and what is held."""
    for _ in range(4):
        more = True
        while more:
            with engine.begin() as conn:
                more = booking_minutes.count_on(conn)
    with engine.begin() as conn:
        now = conn.execute(text("SELECT now()")).scalar_one()
        risks = status_queries.hold_risks(conn, now, lead=0, half_made="half_made")
        counts_now.keep_held(conn, risks, now)
        for statement in _NEW:
            conn.execute(text(statement))


@contextmanager
def _indexed_afterwards(engine: Engine) -> Iterator[None]:
    """Make the indexes when all is there: to keep them up to date meanwhile takes five times as long."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        made = conn.execute(text(_MADE)).all()
        for name, _ in made:
            conn.execute(text(f"DROP INDEX {name}"))
        yield
        conn.execute(text("SET maintenance_work_mem = '128MB'"))
        for _, definition in made:
            conn.execute(text(definition))
