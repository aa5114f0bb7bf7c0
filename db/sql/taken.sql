-- End those who wait in the line for a time that a booking has just got (`changed`), in its own transaction: nobody calls Cal.com for what is
-- known. Only where the type takes one booking for a time (takes_one, db/migrations/initial/event_types.sql) and a key was shown it within a day, as for
-- each other use of what is known of a type; and not while that booking awaits its host, or is to be cancelled or moved.
-- The time is an equal start, or a start within the lengths that the requests name. Who is on the way, of unknown outcome, or no longer
-- wanted there, is not ended: a worker, or a look, says what became of it.
-- What the type takes is read once, and only where somebody is held for the time: else this is one entry of an index (a CASE keeps the order).
-- SKIP LOCKED: who is moving such a row now goes first. A hundred at most, for the confirmation must not wait; the others ask Cal.com.
booked AS (
    SELECT *
    FROM (
        SELECT
            *,
            /* event_type */ AS type,
            coalesce(booked_start_at, start_at) AS begins,
            coalesce(make_interval(mins => length_in_minutes), interval '0') AS length
        FROM changed
        WHERE NOT cancel_requested AND NOT move_requested AND awaits_host IS NOT TRUE
    ) AS one
    WHERE CASE
        WHEN EXISTS (
            SELECT FROM appointments AS other
            WHERE ahead >= 0 AND status IN ('pending', 'booking', 'retrying', 'held')
                AND other.account_id = one.account_id
                AND other.start_at >= begins - 4 * one.length AND other.start_at <= begins + one.length
                AND status = 'held' AND other.id <> one.id
        )
        THEN takes_one(account_id, type) AND EXISTS (
            SELECT FROM calcom_event_types AS known
            WHERE known.event_type = one.type AND known.account_id = one.account_id
                AND kind <> 'unknown' AND asked_at > now() - interval '1 day'
        )
        ELSE false
    END
),
beaten AS (
    SELECT waiting.id
    FROM booked
    CROSS JOIN LATERAL (
        SELECT id
        FROM appointments
        WHERE ahead >= 0 AND status IN ('pending', 'booking', 'retrying', 'held')
            AND account_id = booked.account_id
            AND start_at >= begins - 4 * booked.length AND start_at <= begins + booked.length
            AND (
                start_at = begins
                OR start_at < begins + booked.length
                AND start_at + coalesce(make_interval(mins => length_in_minutes), interval '0') > begins
            )
            AND (event_type_id, event_type_slug, username, team_slug, organization_slug)
            IS NOT DISTINCT FROM
            (booked.event_type_id, booked.event_type_slug, booked.username, booked.team_slug, booked.organization_slug)
            AND status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND id <> booked.id
            AND NOT outcome_unknown AND calcom_booking_uid IS NULL AND NOT cancel_requested AND NOT move_requested
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
