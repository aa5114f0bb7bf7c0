-- The bookings of a person, by patterns of an address or a number (db/whole_words.py) or by id: own ones, and others' that name
-- the person as a guest, in an answer, the place, the metadata, a key or Cal.com's words. Each with whether it is over: nothing can
-- change it any more, and its last week has ended. Locked, so that none lives again meanwhile. No index finds a word: all
-- bookings are read, a part at a time.
SELECT
    id,
    attendee_email IS NOT DISTINCT FROM :forgotten AS is_forgotten,
    coalesce(
        id = CAST(:booking AS bigint)
        OR lower(attendee_email) = CAST(:email AS text)
        OR attendee_phone = CAST(:phone AS text)
        OR location ->> 'type' = 'attendeePhone' AND location ->> 'phone' = CAST(:phone AS text)
        OR CAST(:phone AS text) IS NOT NULL AND concat_ws(
            ' ', booking_fields_responses ->> 'attendeePhoneNumber', booking_fields_responses ->> 'smsReminderNumber'
        ) ~ ANY(CAST(:words AS text[])),
        false
    ) AS is_own,
    calcom_booking_uid AS uid,
    coalesce(booked_start_at, start_at) AS start,
    status IN ('rejected', 'failed', 'expired', 'cancelled') OR status = 'confirmed' AND now() > coalesce(
        coalesce(booked_start_at, start_at)
            + coalesce(end_at - start_at, make_interval(mins => coalesce(length_in_minutes, 1440)))
            + make_interval(weeks => greatest(coalesce(series_of, 1), coalesce(series_weeks, 1)) - 1)
    ) AS is_over,
    correlation_id, attendee_name, attendee_email, attendee_phone
FROM appointments
WHERE id > :after AND id <= :last
    AND (
        id = CAST(:booking AS bigint)
        OR concat_ws(
            ' ', attendee_email, attendee_phone, guests, location, booking_fields_responses, request_metadata, idempotency_key,
            correlation_id, refusal, last_error
        ) ~ ANY(CAST(:words AS text[]))
    )
ORDER BY id
FOR UPDATE
