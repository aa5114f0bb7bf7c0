-- Write how many weeks of a recurring booking are alive at Cal.com, or were cancelled on wish: the first to count it does,
-- and so a series that is cut is told once. A series whose number of weeks is not known may be cut, unless the answer to
-- its own POST booked it (`by_own_answer`, tasks/attempts/attempt.py): that comes after the last week.
WITH counted AS (
    UPDATE appointments
    SET series_weeks = :weeks,
        series_of = CAST(:of AS integer),
        calcom_booking_uid = coalesce(CAST(:uid AS text), calcom_booking_uid),
        updated_at = now()
    WHERE id = :appointment_id AND status = 'confirmed' AND series_weeks IS NULL
    RETURNING id, series_weeks, series_of
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT id, 'series_cut', 'sweeper', jsonb_build_object('weeks', series_weeks, 'of', series_of)
    FROM counted
    WHERE series_weeks < series_of
        OR (series_of IS NULL AND NOT EXISTS (
            SELECT FROM appointment_events AS event
            WHERE event.appointment_id = counted.id AND event.kind = 'confirmed'
                AND event.detail ? 'by_own_answer'
        ))
)
SELECT id FROM counted
