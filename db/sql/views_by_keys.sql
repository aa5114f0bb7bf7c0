-- Read the bookings that one API key asked for with any of these given keys, as their caller sees them, the oldest first.
SELECT /* columns */
FROM appointments
WHERE idempotency_key = ANY (CAST(:keys AS text[])) AND NOT key_derived AND api_key_id = CAST(:api_key AS bigint)
ORDER BY id
