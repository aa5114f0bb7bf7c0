"""How many are held is told as of a moment ago, also where they are too many to be counted for each look."""

from typing import Any

from sqlalchemy import text

from db.lifecycle import HoldReason
from db.monitoring import counts_now
from tasks import dependencies
from tasks.incidents import check
from tasks.maintenance import held

FILL = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at
)
SELECT
    CAST(n AS text), false, 'hash', 'correlation', CAST(n AS text), 101, now() + interval '1 day', 'Ann Example',
    'ann@example.com', 'UTC', 'held', 'breaker_open', now()
FROM generate_series(1, :number) AS n
"""
LET_GO = """
UPDATE appointments
SET status = 'pending', hold_reason = NULL, held_at = NULL
WHERE id IN (SELECT id FROM appointments WHERE status = 'held' LIMIT 150)
"""


def shown(deps: Any) -> list[tuple[HoldReason, int]]:
    """Return what the page would show."""
    with deps.engine.connect() as conn:
        return [(one.reason, one.count) for one in counts_now.held(conn, lead=0)]


def test_many_held_are_counted_anew_between_two_health_checks(settings: Any) -> None:
    """A few are counted at each look: only of many is there an old figure, and that is soon another one."""
    settings()
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        conn.execute(text(FILL), {"number": 1200})
    assert held.count_held() == 0, "nobody has found so many yet"
    check.check()
    with deps.engine.begin() as conn:
        conn.execute(text(LET_GO))
    assert shown(deps) == [(HoldReason.BREAKER_OPEN, 1200)]

    assert held.count_held() == 1050
    assert shown(deps) == [(HoldReason.BREAKER_OPEN, 1050)]

    with deps.engine.begin() as conn:
        conn.execute(text(LET_GO))
    assert held.count_held() == 900
    assert held.count_held() == 0
    deps.engine.dispose()
