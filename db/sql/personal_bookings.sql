-- The bookings of a person, by e-mail address, number or id, and those of others of which the person is a guest; each with
-- whether it is over: nothing can change it any more, and its last week has ended. Locked, so that none lives again meanwhile.
SELECT
    id,
    attendee_email IS NOT DISTINCT FROM :forgotten AS is_forgotten,
    coalesce(
        id = CAST(:booking AS bigint) OR lower(attendee_email) = lower(CAST(:email AS text)) OR attendee_phone = CAST(:phone AS text),
        false
    ) AS is_own,
    calcom_booking_uid AS uid,
    coalesce(booked_start_at, start_at) AS start,
    status IN ('rejected', 'failed', 'expired', 'cancelled') OR status = 'confirmed' AND now() > coalesce(
        coalesce(booked_start_at, start_at)
            + coalesce(end_at - start_at, make_interval(mins => coalesce(length_in_minutes, 1440)))
            + make_interval(weeks => greatest(coalesce(series_of, 1), coalesce(series_weeks, 1)) - 1)
    ) AS is_over,
    attendee_name, attendee_email, attendee_phone
FROM appointments
WHERE id = CAST(:booking AS bigint)
    OR lower(attendee_email) = lower(CAST(:email AS text))
    OR attendee_phone = CAST(:phone AS text)
    OR EXISTS (SELECT FROM jsonb_array_elements_text(guests) AS guest WHERE lower(guest) = lower(CAST(:email AS text)))
ORDER BY id
FOR UPDATE
