-- Take up suspects of unknown outcome whose hour has come, or that nobody has looked for yet: the process
-- that gets a row looks for it, and never posts it. Its next turn is written first, so that two sweepers never look for one.
-- SKIP LOCKED: an operator who is moving it goes first.
WITH due AS (
    SELECT id
    FROM /* rows */
    WHERE status = 'held' AND hold_reason = 'suspect' AND outcome_unknown
        AND (hold_until IS NULL OR hold_until <= now())
    ORDER BY requested_at, id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE /* rows */ AS own
SET hold_until = now() + make_interval(secs => :again_seconds), updated_at = now()
FROM due
WHERE own.id = due.id
RETURNING own.*
