-- End bookings whose slot is nearer than the lead, or whose `answer_by` has passed. Never one whose outcome
-- is unknown, or that a late answer has given its booking at Cal.com: its next claim confirms it.
-- One arm an index; then locked by id, and only if it still is what an arm has found.
-- SKIP LOCKED: a worker that is just claiming goes first, and decides for itself.
-- `enqueued_at` goes: this message was never delivered, and must not count as evidence (see unsent.sql).
WITH found AS (
    (SELECT id FROM appointments
     WHERE status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown AND calcom_booking_uid IS NULL
         AND start_at <= now() + make_interval(secs => :lead_seconds)
     ORDER BY start_at LIMIT :limit)
    UNION
    (SELECT id FROM appointments
     WHERE status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown AND calcom_booking_uid IS NULL
         AND answer_by <= now()
     ORDER BY answer_by LIMIT :limit)
),
due AS (
    SELECT appointment.id
    FROM found
    JOIN appointments AS appointment USING (id)
    WHERE status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown AND calcom_booking_uid IS NULL
    ORDER BY start_at
    LIMIT :limit
    FOR UPDATE OF appointment SKIP LOCKED
),
moved AS (
    UPDATE appointments AS appointment
    SET status = 'expired',
        /* no hold */,
        enqueued_at = CASE WHEN status = 'held' THEN enqueued_at END,
        next_attempt_at = NULL,
        last_error = CASE
            WHEN answer_by <= now() THEN 'it could not be booked by its answer_by'
            ELSE 'its start came too near before it could be booked'
        END,
        updated_at = now()
    FROM due
    WHERE appointment.id = due.id
    RETURNING appointment.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT id, 'expired', 'sweeper', jsonb_build_object('why', last_error)
    FROM moved
)
SELECT * FROM moved ORDER BY start_at, id
