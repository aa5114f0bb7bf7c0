-- Each uid under which Cal.com has or had bookings (:ids): that of the row, those that changes of ours named or made, and those that
-- events name, as the double of a booking that lived twice. With its start, where the record says it.
WITH named AS (
    SELECT id AS booking, calcom_booking_uid AS uid, coalesce(booked_start_at, start_at) AS start, 1 AS place
    FROM appointments WHERE id = ANY(:ids)
    UNION ALL
    SELECT appointment_id, to_uid, start_at, 2 FROM booking_changes WHERE appointment_id = ANY(:ids) AND kind = 'reschedule'
    UNION ALL
    SELECT appointment_id, from_uid, CAST(NULL AS timestamptz), 3 FROM booking_changes WHERE appointment_id = ANY(:ids)
    UNION ALL
    SELECT appointment_id, one.uid, CAST(NULL AS timestamptz), 4
    FROM booking_changes, jsonb_array_elements_text(weeks_named) AS one (uid)
    WHERE appointment_id = ANY(:ids)
    UNION ALL
    SELECT appointment_id, one.uid, CAST(NULL AS timestamptz), 5
    FROM appointment_events, unnest(ARRAY[detail ->> 'uid', detail ->> 'kept']) AS one (uid)
    WHERE appointment_id = ANY(:ids)
)
SELECT DISTINCT ON (booking, uid) booking, uid, start, place
FROM named
WHERE uid IS NOT NULL
ORDER BY booking, uid, place
