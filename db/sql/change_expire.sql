-- End reschedules whose wanted start is nearer than the lead: the booking stands as before. Never one whose outcome is
-- unknown. SKIP LOCKED: a worker that is just claiming goes first, and decides for itself.
WITH due AS (
    SELECT id
    FROM booking_changes
    WHERE kind = 'reschedule' AND status IN ('waiting', 'pending', 'retrying', 'held') AND NOT outcome_unknown
        AND start_at <= now() + make_interval(secs => :lead_seconds)
    ORDER BY start_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
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
