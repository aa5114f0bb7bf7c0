-- Let these held changes go: the breaker has given each of them a place in its window. One that has moved on meanwhile is
-- passed over, and its place given back. SKIP LOCKED: a transaction that is moving a row now goes first.
WITH granted AS (
    SELECT id, /* held by */ AS held_by, held_at
    FROM booking_changes
    WHERE id = ANY (CAST(:ids AS bigint[])) AND status = 'held' AND hold_reason IN ('breaker_open', 'throttled')
    FOR UPDATE SKIP LOCKED
),
moved AS (
    UPDATE booking_changes AS change
    SET status = 'pending', /* no hold */, enqueued_at = now(), updated_at = now()
    FROM granted
    WHERE change.id = granted.id
    RETURNING change.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        appointment_id, 'change_pending', 'release',
        jsonb_build_object('change', id, 'what', kind, 'why', 'released', 'held', held_by, 'since', granted.held_at)
    FROM moved
    JOIN granted USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
