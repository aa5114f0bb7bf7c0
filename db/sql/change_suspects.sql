-- Take up suspect changes of unknown outcome whose hour has come, or that nobody has looked for yet, as suspects_due.sql does
-- for bookings: the process that gets one looks what became of it, and never posts it.
-- SKIP LOCKED: an operator who is moving it goes first.
WITH due AS (
    SELECT id
    FROM booking_changes
    WHERE status = 'held' AND hold_reason = 'suspect' AND outcome_unknown
        AND (hold_until IS NULL OR hold_until <= now())
    ORDER BY requested_at, id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE booking_changes AS change
SET hold_until = now() + make_interval(secs => :again_seconds), updated_at = now()
FROM due
WHERE change.id = due.id
RETURNING change.*
