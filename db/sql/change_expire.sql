-- End reschedules whose wanted start is nearer than the lead: the booking stands as before. Never one whose outcome is
-- unknown. The booking is locked first, as by everybody. SKIP LOCKED: a worker that is just claiming goes first, and so does who
-- decides about the booking; the rest is for the next run.
WITH due AS (
    SELECT change.id
    FROM booking_changes AS change
    JOIN appointments AS booking ON booking.id = change.appointment_id
    WHERE change.kind = 'reschedule' AND change.status IN ('waiting', 'pending', 'retrying', 'held')
        AND NOT change.outcome_unknown AND change.start_at <= now() + make_interval(secs => :lead_seconds)
    ORDER BY change.start_at
    LIMIT :limit
    FOR NO KEY UPDATE OF booking, change SKIP LOCKED
),
moved AS (
    UPDATE booking_changes AS change
    SET status = 'expired', /* no hold */, next_attempt_at = NULL,
        last_error = 'the wanted start came too near', updated_at = now()
    FROM due
    WHERE change.id = due.id
    RETURNING change.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        appointment_id, 'change_expired', 'sweeper', jsonb_build_object('change', id, 'what', kind, 'why', last_error)
    FROM moved
)
SELECT * FROM moved ORDER BY start_at, id
