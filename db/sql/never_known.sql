-- End the bookings that a blind key has held until a day after their slot: by then nobody can be helped by a look, and
-- the story says that it was never known. `settle_at` stays, as the sign that it once was unknown; what is found at
-- Cal.com later still confirms it.
-- The first condition on the start is the index's: no slot ends before it starts. One without an end is taken to last a
-- day at most. SKIP LOCKED: a transaction that is moving a row now goes first.
WITH past AS (
    SELECT id
    FROM appointments
    WHERE status = 'held' AND hold_reason = 'blind_key' AND calcom_booking_uid IS NULL
        AND start_at <= now() - interval '1 day'
        AND coalesce(end_at, start_at + make_interval(mins => length_in_minutes), start_at + interval '24 hours')
            <= now() - interval '1 day'
    ORDER BY start_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
moved AS (
    UPDATE appointments AS appointment
    SET status = 'failed',
        /* no hold */,
        outcome_unknown = false,
        error_type = 'never_known',
        last_error = 'never known: this key could not see whether Cal.com has booked it',
        updated_at = now()
    FROM past
    WHERE appointment.id = past.id
    RETURNING appointment.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT id, 'failed', 'sweeper', jsonb_build_object('why', last_error)
    FROM moved
)
SELECT * FROM moved ORDER BY start_at, id
