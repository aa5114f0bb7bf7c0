-- Write the booking that Cal.com turned out to have into its row, and tell of it, whatever became of the row meanwhile.
-- The row is locked first, so that the state it had, which decides what else is to be told, is the state it has.
-- The weeks of a series that came to light so are counted (series_due.sql).
-- A confirmed row keeps the booking that it has: this may be another one, and the story tells both.
WITH had AS (
    SELECT id, status, calcom_booking_uid
    FROM appointments
    WHERE id = :appointment_id
    FOR UPDATE
),
carried AS (
    UPDATE appointments AS appointment
    SET calcom_booking_uid = :uid,
        calcom_seat_uid = CAST(:seat_uid AS text),
        booked_start_at = CAST(:start AS timestamptz),
        awaits_host = CAST(:awaits_host AS boolean),
        series_uid = coalesce(CAST(:series_uid AS text), appointment.series_uid),
        ends_at = CASE WHEN CAST(:series_uid AS text) IS NULL THEN ends_at ELSE coalesce(ends_at, now()) END,
        updated_at = now()
    FROM had
    WHERE appointment.id = had.id AND had.status <> 'confirmed'
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        id,
        'late_uid',
        :by,
        jsonb_build_object(
            'uid', CAST(:uid AS text),
            'status', status,
            'kept', CASE WHEN status = 'confirmed' THEN calcom_booking_uid ELSE CAST(:uid AS text) END
        ) || CAST(:detail AS jsonb)
    FROM had
)
SELECT status, calcom_booking_uid IS DISTINCT FROM :uid AS is_new FROM had
