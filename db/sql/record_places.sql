-- Write down where confirmed bookings stand at Cal.com, as it was shown: uid, seat, start, and whether it awaits its host.
-- What was shown is of `read_at`, null: of now. It is no news of a row that was written since, or that by now names another
-- booking (`was`). `updated_at` says since when this is known. One that is found at another time tells so.
-- Locked in the order of ids, so that two of these never deadlock. By their `ids`, or without statistics all rows are read.
WITH had AS (
    SELECT
        shown.*,
        appointment.booked_start_at IS DISTINCT FROM shown.start AS is_moved,
        coalesce(shown.start, appointment.start_at) AS starts_at
    FROM appointments AS appointment
    JOIN jsonb_to_recordset(CAST(:places AS jsonb)) AS shown (
        id bigint, was text, uid text, seat_uid text, start timestamptz, awaits_host boolean
    ) USING (id)
    WHERE appointment.id = ANY (CAST(:ids AS bigint[]))
        AND appointment.status = 'confirmed'
        AND appointment.calcom_booking_uid = shown.was
        AND (CAST(:read_at AS timestamptz) IS NULL OR appointment.updated_at < CAST(:read_at AS timestamptz))
    ORDER BY appointment.id
    FOR UPDATE OF appointment
),
changed AS (
    UPDATE appointments AS appointment
    SET calcom_booking_uid = had.uid,
        calcom_seat_uid = had.seat_uid,
        booked_start_at = had.start,
        awaits_host = had.awaits_host,
        updated_at = coalesce(CAST(:read_at AS timestamptz), now())
    FROM had
    WHERE appointment.id = had.id AND appointment.id = ANY (CAST(:ids AS bigint[]))
)
INSERT INTO appointment_events (appointment_id, kind, by, detail)
SELECT id, 'moved_there', :by, jsonb_build_object('why', CAST(:why AS text), 'uid', uid, 'start', starts_at)
FROM had
WHERE is_moved
