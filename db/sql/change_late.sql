-- Take up the changes whose late look is due, the oldest first; if the process dies, each is due again after the lease.
-- Only what is over, and while nothing else of its booking is at work. None while bookings of its account wait for the breaker
-- or the limit: calls are for them. SKIP LOCKED: two processes share them.
WITH due AS (
    SELECT id
    FROM booking_changes AS change
    WHERE late_look_at <= now() AND status IN ('done', 'refused', 'failed', 'expired', 'withdrawn')
        AND NOT EXISTS (
            SELECT FROM booking_changes
            WHERE appointment_id = change.appointment_id AND (status = 'changing' OR outcome_unknown)
        )
        AND NOT EXISTS (
            SELECT FROM appointments
            WHERE account_id = change.account_id AND status = 'held' AND hold_reason = 'breaker_open'
        )
        AND NOT EXISTS (
            SELECT FROM appointments
            WHERE account_id = change.account_id AND status = 'held' AND hold_reason = 'throttled'
        )
    ORDER BY late_look_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
UPDATE booking_changes AS change
SET late_look_at = now() + make_interval(secs => :lease_seconds), late_looks = late_looks + 1
FROM due
WHERE change.id = due.id
RETURNING change.*
