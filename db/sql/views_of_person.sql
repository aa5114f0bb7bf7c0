-- Read the bookings of a person as their callers see them. One arm an index; of the two parameters one is null.
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
WHERE start_at >= CAST(:starts AS timestamptz) AND start_at < CAST(:ends AS timestamptz)
    AND (CAST(:api_key AS bigint) IS NULL OR api_key_id = CAST(:api_key AS bigint))
    AND (CAST(:account AS integer) IS NULL OR account_id = CAST(:account AS integer))
ORDER BY start_at, id
LIMIT CAST(:limit AS integer)
