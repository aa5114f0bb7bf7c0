-- Read the bookings of a person as their callers see them, by the start that they have now. One arm an index; of the two
-- parameters one is null. `moved_too`: also those that were asked for in this period or moved there, and
-- have been moved since, or are to be moved there.
SELECT /* columns */
FROM (
    SELECT *
    FROM appointments
    WHERE api_key_id IS NOT NULL AND attendee_email IS NOT NULL AND attendee_email = CAST(:email AS text)
    UNION ALL
    SELECT *
    FROM appointments
    WHERE api_key_id IS NOT NULL AND attendee_phone IS NOT NULL AND attendee_phone = CAST(:phone AS text)
) AS person
WHERE (
        coalesce(booked_start_at, start_at) >= CAST(:starts AS timestamptz)
        AND coalesce(booked_start_at, start_at) < CAST(:ends AS timestamptz)
        OR CAST(:moved_too AS boolean) AND (
            start_at >= CAST(:starts AS timestamptz) AND start_at < CAST(:ends AS timestamptz)
            OR EXISTS (
                SELECT FROM moved_starts AS moved
                WHERE moved.appointment_id = person.id
                    AND moved.start_at >= CAST(:starts AS timestamptz) AND moved.start_at < CAST(:ends AS timestamptz)
            )
        )
    )
    AND (CAST(:api_key AS bigint) IS NULL OR api_key_id = CAST(:api_key AS bigint))
    AND (CAST(:account AS integer) IS NULL OR account_id = CAST(:account AS integer))
ORDER BY coalesce(booked_start_at, start_at), id
LIMIT CAST(:limit AS integer)
