-- Let changes go whose turn has come: what they waited for, the outcome of their booking or of another change of its uid, is
-- known by now. The process that gets a row from here sends it.
-- A change of a booking that has ended unbooked needs no call: a cancel is done, and there is nothing to move.
-- Of the rest the first of each booking goes, if nothing else of its uid is at work, unknown, or will be sent again. Those
-- whose claim was turned away by one of :left go as well: they are due, and have the uid that it had (:services, :uids).
-- The booking is locked first, as by everybody. SKIP LOCKED: what somebody else is moving is for the next run.
WITH booking AS (
    SELECT appointment.id, appointment.status, coalesce(series_uid, calcom_booking_uid) AS uid, calcom_seat_uid
    FROM appointments AS appointment
    WHERE appointment.status IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')
        AND appointment.id IN (SELECT appointment_id FROM booking_changes WHERE status = 'waiting')
    ORDER BY appointment.id
    LIMIT :limit
    FOR NO KEY UPDATE SKIP LOCKED
),
free AS (
    SELECT change.id, booking.status AS booking, booking.uid, booking.calcom_seat_uid
    FROM booking_changes AS change
    JOIN booking ON booking.id = change.appointment_id
    WHERE change.status = 'waiting' AND (
        booking.status <> 'confirmed'
        OR NOT EXISTS (
            SELECT FROM booking_changes AS other
            WHERE other.id <> change.id AND other.status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
                AND other.service = change.service
                AND (
                    other.appointment_id = change.appointment_id AND other.id < change.id
                    OR other.from_uid = booking.uid
                    AND (other.status = 'changing' OR other.outcome_unknown OR other.posts > 0)
                )
        )
    )
    FOR UPDATE OF change SKIP LOCKED
),
moved AS (
    UPDATE booking_changes AS change
    SET status = CASE WHEN booking = 'confirmed' THEN 'pending' WHEN kind = 'cancel' THEN 'done' ELSE 'refused' END,
        from_uid = CASE WHEN booking = 'confirmed' THEN uid END,
        from_seat_uid = CASE WHEN booking = 'confirmed' THEN calcom_seat_uid END,
        last_error = CASE WHEN booking <> 'confirmed' AND kind <> 'cancel' THEN 'its booking has ended: ' || booking END,
        enqueued_at = CASE WHEN booking = 'confirmed' THEN now() END,
        updated_at = now()
    FROM free
    WHERE change.id = free.id
    RETURNING change.*, booking
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        appointment_id,
        'change_' || status,
        'sweeper',
        jsonb_build_object('change', id, 'what', kind, 'why', CASE
            WHEN booking = 'confirmed' THEN 'its booking is at Cal.com' ELSE 'its booking has ended: ' || booking
        END)
    FROM moved
),
turned AS (
    SELECT id
    FROM booking_changes
    WHERE (service, from_uid) IN (SELECT * FROM unnest(CAST(:services AS text[]), CAST(:uids AS text[])))
        AND status IN ('pending', 'retrying') AND coalesce(next_attempt_at <= now(), true)
        AND id NOT IN (SELECT id FROM free) AND id <> ALL (CAST(:left AS bigint[]))
    FOR NO KEY UPDATE SKIP LOCKED
),
again AS (
    UPDATE booking_changes AS change
    SET enqueued_at = now(), updated_at = now()
    FROM turned
    WHERE change.id = turned.id
    RETURNING change.*
)
SELECT /* columns */ FROM moved WHERE status = 'pending'
UNION ALL
SELECT /* columns */ FROM again
