-- Let changes go whose hold is over: its time has come, or its cause is gone, as release_due.sql has it for bookings of the
-- account (:account) whose key and settings these are. What waits for the breaker or the limit goes in the line.
-- Locked again only if it is still the same hold (`held_at`). SKIP LOCKED: two sweepers share the work.
WITH candidate AS (
    SELECT id, held_at FROM booking_changes
    WHERE status = 'held' AND hold_until <= now() AND hold_reason NOT IN ('suspect', 'credentials', 'configuration')
        AND account_id = :account
    UNION
    SELECT id, held_at FROM booking_changes
    WHERE status = 'held' AND hold_reason IN ('credentials', 'blind_key') AND account_id = :account
        AND (held_for <> :key OR hold_reason = 'credentials' AND :key_works)
        AND (hold_until IS NULL OR hold_until <= now()) AND held_at <= now() - interval '5 seconds'
    UNION
    SELECT id, held_at FROM booking_changes
    WHERE status = 'held' AND hold_reason = 'configuration' AND account_id = :account
        AND (held_for <> :settings OR :settings_work AND hold_until <= now()) AND held_at <= now() - interval '5 seconds'
    UNION
    SELECT id, held_at FROM booking_changes
    WHERE status = 'held' AND hold_reason = 'paused' AND account_id = :account
        AND EXISTS (SELECT FROM calcom_accounts AS own WHERE own.id = :account AND own.state = 'active')
),
due AS (
    SELECT change.id, change.hold_reason, change.held_at
    FROM candidate
    JOIN booking_changes AS change USING (id)
    WHERE change.status = 'held' AND change.held_at = candidate.held_at
    ORDER BY change.line_at, change.id
    LIMIT :limit
    FOR UPDATE OF change SKIP LOCKED
),
moved AS (
    UPDATE booking_changes AS change
    SET status = 'pending', /* no hold */, enqueued_at = now(), updated_at = now()
    FROM due
    WHERE change.id = due.id
    RETURNING change.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        appointment_id, 'change_pending', 'sweeper',
        jsonb_build_object('change', id, 'what', kind, 'why', 'released', 'held', due.hold_reason, 'since', due.held_at)
    FROM moved
    JOIN due USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
