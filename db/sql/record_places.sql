-- Record where confirmed bookings are at Cal.com, as it has just shown: uid, seat, start, and whether they await a host.
-- A row that by now names another booking than `was` stays as it is. `updated_at` says since when this is known. A booking
-- that is found at another time than before gets an event, and answers for that start, too;
-- those who wait for its time there end with it (taken.sql).
-- Locked in the order of ids, so that two of these never deadlock.
WITH shown AS (
    SELECT one.*
    FROM jsonb_to_recordset(CAST(:places AS jsonb)) AS one (
        id bigint, was text, uid text, seat_uid text, start timestamptz, awaits_host boolean, key text
    )
),
had AS (
    SELECT shown.*, appointment.account_id, booked_start_at IS DISTINCT FROM start AS is_moved
    FROM appointments AS appointment
    JOIN shown USING (id)
    WHERE status = 'confirmed'
        AND calcom_booking_uid = was
    ORDER BY id
    FOR UPDATE OF appointment
),
recorded AS (
    UPDATE appointments AS appointment
    SET calcom_booking_uid = had.uid,
        calcom_seat_uid = had.seat_uid,
        booked_start_at = had.start,
        awaits_host = had.awaits_host,
        updated_at = now()
    FROM had
    WHERE appointment.id = had.id
    RETURNING appointment.*, is_moved
),
changed AS (
    SELECT * FROM recorded WHERE is_moved
),
/* taken */
answered AS (
    INSERT INTO moved_starts (appointment_id, start_at, account_id, idempotency_key)
    SELECT id, start, account_id, key FROM had WHERE is_moved AND start IS NOT NULL
    ON CONFLICT DO NOTHING
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
RETURNING id
