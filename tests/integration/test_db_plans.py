"""A beat with nothing to do reads next to nothing, however many bookings are held or done: a hold costs nothing."""

from typing import Any

import pytest
from sqlalchemy import text

from db.sql import statement

BLOCKS = 60  # of 8 KiB; 40,000 rows fill some 1,500
FILL = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at, enqueued_at, calcom_booking_uid
)
SELECT
    CAST(n AS text), false, 'hash', 'correlation', CAST(n AS text), 101, now() + interval '30 days', 'Ann Example',
    'ann@example.com', 'UTC', status, reason, CASE WHEN status = 'held' THEN now() END, now(), 'uid'
FROM generate_series(1, 40000) AS n
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN n % 2 = 0 THEN 'held' ELSE 'confirmed' END AS status,
        CASE WHEN n % 2 = 0 THEN 'breaker_open' END AS reason
) AS state
"""
SWEEPS: dict[str, dict[str, Any]] = {
    "release_due": {"key": "key", "settings": "set", "limit": 500},
    "lost_leases": {"limit": 500, "settle_seconds": 130, "suspect_at": 3},
    "expire": {"lead_seconds": 0, "limit": 500},
    "unsent": {"limit": 500, "queue_empty": True, "patience_seconds": 5, "overtaken_seconds": 30},
    "blind_types": {"key": "key"},
}


@pytest.mark.parametrize("analysed", [False, True])
def test_an_idle_beat_reads_next_to_nothing(record: Any, analysed: Any) -> None:
    """With 20,000 bookings held for the breaker and 20,000 done, before and after PostgreSQL has taken statistics."""
    with record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text(FILL))
        conn.execute(text("VACUUM ANALYZE appointments" if analysed else "VACUUM appointments"))

        read = {name: blocks(conn, name, parameters) for name, parameters in SWEEPS.items()}

    assert {name: count for name, count in read.items() if count > BLOCKS} == {}


def blocks(conn: Any, name: str, parameters: dict[str, Any]) -> int:
    """Run a sweep and return how many blocks it looked at."""
    explained = conn.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement(name).text}"), parameters)
    [top] = explained.scalar_one()
    return int(top["Plan"]["Shared Hit Blocks"]) + int(top["Plan"]["Shared Read Blocks"])
