-- Find the changes that wait for the breaker or for the rate limit, in the order of the line. Nothing is locked here, as in
-- waiting.sql.
-- postable: in half-open only what may be posted now can be the probe. A reschedule never is: it is the probe of its own
-- endpoint alone.
SELECT id, line_at
FROM booking_changes
WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled')
    AND NOT (:postable AND (outcome_unknown OR kind = 'reschedule'))
ORDER BY line_at, id
LIMIT :limit
