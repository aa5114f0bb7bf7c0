-- Take this minute's look for an event type that Cal.com did not have when a booking was to be made of it: for the one that
-- was not looked for the longest. Returned is a booking that waits for it; nothing while each was looked for within the
-- minute, by any worker: of two that ask at once the second finds what the first has written, and gets nothing.
-- `looked_before` is the moment of the look before this one.
-- A look that a clock set back has left in the future counts as none. clock_timestamp(), because now() is when the statement
-- began: one that waited for another's look would find it in its future.
WITH missing AS (
    SELECT named.event_type, min(id) AS id
    FROM appointments
    CROSS JOIN LATERAL (SELECT /* event_type */ AS event_type) AS named
    WHERE status = 'held' AND hold_reason = 'configuration' AND held_for = :settings AND account_id = :account
        AND error_type = 'no_event_type' AND NOT outcome_unknown AND hold_until <= now()
    GROUP BY named.event_type
),
due AS (
    SELECT missing.event_type, missing.id, kept.looked_at
    FROM missing
    LEFT JOIN calcom_event_types AS kept ON kept.key_fingerprint = :key AND kept.event_type = missing.event_type
    ORDER BY CASE WHEN kept.looked_at <= clock_timestamp() THEN kept.looked_at END NULLS FIRST, missing.id
    LIMIT 1
),
taken AS (
    INSERT INTO calcom_event_types AS kept (key_fingerprint, event_type, kind, sight, seats, asked_at, looked_at, account_id)
    SELECT :key, event_type, 'unknown', false, false, to_timestamp(0), clock_timestamp(), :account
    FROM due
    ON CONFLICT (key_fingerprint, event_type) DO UPDATE SET looked_at = clock_timestamp()
    WHERE (kept.looked_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp()) IS NOT TRUE
    RETURNING event_type
)
SELECT appointment.*, due.looked_at AS looked_before
FROM taken
JOIN due USING (event_type)
JOIN appointments AS appointment USING (id)
