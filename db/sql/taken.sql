-- End those who wait in the line for a time that a booking has just got (`changed`), in its own transaction: nobody calls Cal.com for what is
-- known. Only where the type takes one booking for a time (takes_one, db/migrations/times.sql) and a key was shown it within a day, as for
-- each other use of what is known of a type; and not while that booking awaits its host, or is to be cancelled or moved.
-- The time is an equal start, or a start within the lengths that the requests name. Who is on the way, of unknown outcome, or no longer wanted there, is not ended: a worker, or a look, says what became of it.
-- SKIP LOCKED: who is moving such a row now goes first. A hundred at most, for the confirmation must not wait; the others ask Cal.com.
beaten AS (
    SELECT waiting.id
    FROM (
        SELECT
            *,
            coalesce(booked_start_at, start_at) AS began_at,
            coalesce(make_interval(mins => length_in_minutes), interval '0') AS length
        FROM changed
        WHERE NOT cancel_requested AND NOT move_requested AND awaits_host IS NOT TRUE
    ) AS booked
    CROSS JOIN LATERAL (
        SELECT id
        FROM appointments
        WHERE ahead >= 0 AND status IN ('pending', 'booking', 'retrying', 'held')
            AND account_id = booked.account_id
            AND start_at >= began_at - 4 * booked.length AND start_at <= began_at + booked.length
            AND (
                start_at = began_at
                OR start_at < began_at + booked.length
                AND start_at + coalesce(make_interval(mins => length_in_minutes), interval '0') > began_at
            )
            AND status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND id <> booked.id
            AND NOT outcome_unknown AND calcom_booking_uid IS NULL AND NOT cancel_requested AND NOT move_requested
            AND (event_type_id, event_type_slug, username, team_slug, organization_slug)
            IS NOT DISTINCT FROM
            (booked.event_type_id, booked.event_type_slug, booked.username, booked.team_slug, booked.organization_slug)
            AND takes_one(account_id, /* event_type */)
            AND EXISTS (
                SELECT FROM calcom_event_types AS type
                WHERE type.event_type = /* event_type */ AND type.account_id = booked.account_id
                    AND type.kind <> 'unknown' AND type.asked_at > now() - interval '1 day'
            )
        LIMIT 100
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS waiting
),
taken AS (
    UPDATE appointments AS one
    SET status = 'rejected',
        /* no hold */,
        next_attempt_at = NULL,
        error_type = 'taken',
        last_error = 'the slot is taken: another request got it',
        updated_at = now()
    FROM beaten
    WHERE one.id = beaten.id
    RETURNING one.id
),
told_taken AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT id, 'rejected', :by, '{"why": "another request got its time", "called": false}' FROM taken
)
