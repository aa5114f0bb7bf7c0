-- Read the bookings of these ids as their callers see them: those of one API key, of one account, or of all. One array, so
-- that one statement serves any number of callers who wait.
SELECT /* columns */
FROM appointments
WHERE id = ANY (CAST(:ids AS bigint[]))
    AND (CAST(:api_key AS bigint) IS NULL OR api_key_id = CAST(:api_key AS bigint))
    AND (CAST(:account AS integer) IS NULL OR account_id = CAST(:account AS integer))
