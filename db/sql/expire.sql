-- End bookings whose slot is nearer than the lead. Never one whose outcome is unknown, or that a late answer has given
-- its booking at Cal.com: its next claim confirms it.
-- SKIP LOCKED: a worker that is just claiming goes first, and decides for itself.
-- `enqueued_at` goes: this message was never delivered, and must not count as evidence (see unsent.sql).
WITH due AS (
    SELECT id
    FROM appointments
    WHERE status IN ('pending', 'held', 'retrying')
      AND NOT outcome_unknown
      AND calcom_booking_uid IS NULL
      AND start_at <= now() + make_interval(secs => :lead_seconds)
    ORDER BY start_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
moved AS (
    UPDATE appointments AS appointment
    SET status = 'expired',
        hold_reason = NULL,
        held_at = NULL,
        hold_until = NULL,
        held_for = NULL,
        enqueued_at = CASE WHEN status = 'held' THEN enqueued_at END,
        next_attempt_at = NULL,
        last_error = 'its slot came too near before it could be booked',
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
