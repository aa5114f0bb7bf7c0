-- Take up the hints of Cal.com's webhooks whose time has come, the oldest first; if the process dies, each is due again after
-- the lease. None while bookings of its account wait for the breaker or the limit: calls are for them.
-- SKIP LOCKED: two processes share them.
WITH due AS (
    SELECT id
    FROM calcom_webhooks AS told
    WHERE next_at <= now()
        AND NOT EXISTS (
            SELECT FROM appointments
            WHERE account_id = told.account_id AND status = 'held' AND hold_reason = 'breaker_open'
        )
        AND NOT EXISTS (
            SELECT FROM appointments
            WHERE account_id = told.account_id AND status = 'held' AND hold_reason = 'throttled'
        )
    ORDER BY next_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE calcom_webhooks AS hint
SET next_at = now() + make_interval(secs => :lease_seconds)
FROM due
WHERE hint.id = due.id
RETURNING hint.*
