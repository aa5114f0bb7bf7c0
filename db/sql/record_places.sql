-- Write down where confirmed bookings stand at Cal.com, as it was shown: uid, seat, start, and whether it awaits its host.
-- What was shown is of `read_at`, null: of now. It is no news of a row that was written since, or that by now names another
-- booking (`was`). `updated_at` says since when this is known. One that is found at another time tells so.
-- Locked in the order of ids, so that two of these never deadlock.
WITH shown AS (
    SELECT one.*
    FROM jsonb_to_recordset(CAST(:places AS jsonb)) AS one (
        id bigint, was text, uid text, seat_uid text, start timestamptz, awaits_host boolean
    )
),
had AS (
    SELECT shown.*, booked_start_at IS DISTINCT FROM start AS is_moved
    FROM appointments AS appointment
    JOIN shown USING (id)
    WHERE status = 'confirmed'
        AND calcom_booking_uid = was
        AND (CAST(:read_at AS timestamptz) IS NULL OR updated_at < CAST(:read_at AS timestamptz))
    ORDER BY id
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
    WHERE appointment.id = had.id
)
INSERT INTO appointment_events (appointment_id, kind, by, detail)
SELECT
    id,
    'moved_there',
    :by,
    jsonb_build_object('why', CAST(:why AS text), 'uid', uid, 'start', coalesce(start, (
        SELECT start_at FROM appointments AS asked_for WHERE asked_for.id = had.id
    )))
FROM had
WHERE is_moved
