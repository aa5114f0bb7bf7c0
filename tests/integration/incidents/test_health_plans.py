"""A health check comes every five seconds: what it asks about endings must not read all bookings that are kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from db.appointments import events
from db.lifecycle import Status
from db.monitoring import status_queries
from tests.support.schema.blocks import blocks_read

FILL = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, sent_at, calcom_booking_uid, updated_at
)
SELECT
    CAST(n AS text), false, 'hash', 'correlation', CAST(n AS text), 101, now(), 'Ann Example', 'ann@example.com', 'UTC',
    (ARRAY['confirmed', 'failed', 'expired', 'rejected'])[1 + n % 4],
    CASE WHEN n % 3 = 0 THEN now() - interval '1 day' END,
    'uid',
    now() - interval '1 day'
FROM generate_series(1, 20000) AS n
"""
READ = """
SELECT coalesce(sum(pg_stat_get_xact_blocks_fetched(oid)), 0)
FROM pg_class
WHERE oid = CAST('appointments' AS regclass) OR oid IN (
    SELECT indexrelid FROM pg_index WHERE indrelid = CAST('appointments' AS regclass)
)
"""
SINCE = datetime.now(UTC) - timedelta(minutes=15)
QUESTIONS: dict[str, Callable[[Connection], Any]] = {
    "failed": lambda conn: status_queries.ended_bookings(conn, Status.FAILED, SINCE),
    "expired": lambda conn: status_queries.ended_bookings(conn, Status.EXPIRED, SINCE),
    "unclear": lambda conn: status_queries.unclear_calls(conn, SINCE),
    "failed at one Cal.com": lambda conn: status_queries.ended_bookings(conn, Status.FAILED, SINCE, service="calcom"),
    "unclear at one Cal.com": lambda conn: status_queries.unclear_calls(conn, SINCE, service="calcom"),
    "calls": lambda conn: status_queries.recorded_calls(conn, SINCE, failed=["http_503"]),
    "notable": lambda conn: events.latest(conn, events.NOTABLE, SINCE),
}
BLOCKS = 31  # of 8 KiB, one of them each index's that the planner looks at; the rows fill some 700


@pytest.mark.fresh_database
@pytest.mark.parametrize("analysed", [False, True])
def test_a_health_check_reads_next_to_nothing_of_what_ended_long_ago(record: Any, analysed: Any) -> None:
    """However often it is asked, before and after PostgreSQL has taken statistics."""
    vacuum = "VACUUM ANALYZE appointments" if analysed else "VACUUM appointments"

    read = blocks_read(record.engine, [FILL, vacuum], QUESTIONS, READ)

    assert {name: count for name, count in read.items() if count > BLOCKS} == {}
