-- Take the right to ask Cal.com whether a confirmed booking still stands, and return the row: of many callers who ask again
-- at once one has it, and the next one so many seconds later. None while others of its account wait for the breaker or the
-- limit: calls are for them.
-- It counts as asked from here on, however the call ends, so that one that always fails costs no more. What a clock that
-- was set back has left in the future counts as long ago. clock_timestamp(), because now() is when the statement began: one
-- that waited for the row while another took the right would find that one's moment in its future.
UPDATE appointments AS asked
SET checked_at = clock_timestamp()
WHERE id = :appointment_id
    AND status = 'confirmed'
    AND (checked_at BETWEEN clock_timestamp() - make_interval(secs => :pause_seconds) AND clock_timestamp()) IS NOT TRUE
    AND NOT EXISTS (
        SELECT FROM appointments AS waiting
        WHERE waiting.account_id = asked.account_id AND status = 'held' AND hold_reason = 'breaker_open'
    )
    AND NOT EXISTS (
        SELECT FROM appointments AS waiting
        WHERE waiting.account_id = asked.account_id AND status = 'held' AND hold_reason = 'throttled'
    )
RETURNING /* columns */
