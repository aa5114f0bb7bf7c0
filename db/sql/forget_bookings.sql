-- Replace all that is of a person in bookings that are over, and in what was written about them. State, times, figures, our
-- reference and Cal.com's uid stay: counts and audits say the same afterwards. Keys and hashes go, for a hash of an address
-- finds that address. `updated_at` stays, for nothing has moved.
WITH forgotten AS (
    UPDATE appointments
    SET attendee_name = 'forgotten',
        attendee_email = :forgotten,
        attendee_phone = NULL,
        guests = '[]',
        location = NULL,
        booking_fields_responses = '{}',
        request_metadata = '{}',
        idempotency_key = 'forgotten:' || gen_random_uuid(),
        payload_hash = CAST(gen_random_uuid() AS text),
        correlation_id = 'forgotten-' || id,
        refusal = NULL,
        last_error = NULL
    WHERE id = ANY(:ids)
),
events AS (
    UPDATE appointment_events
    SET detail = (detail - 'words')
        || CAST(
            CASE WHEN by IN ('operator', 'caller') AND detail ? 'why' THEN '{"why": "forgotten"}' ELSE '{}' END AS jsonb
        )
    WHERE appointment_id = ANY(:ids)
),
changes AS (
    UPDATE booking_changes
    SET reason = CASE WHEN length(reason) > 0 THEN 'forgotten' ELSE '' END,
        idempotency_key = 'forgotten:' || gen_random_uuid(),
        correlation_id = 'forgotten-' || appointment_id,
        refusal = NULL,
        last_error = NULL
    WHERE appointment_id = ANY(:ids)
),
wishes AS (
    DELETE FROM change_wishes WHERE appointment_id = ANY(:ids)
),
told AS (
    UPDATE callbacks SET data = data || '{"key": null}' WHERE appointment_id = ANY(:ids)
)
UPDATE operator_actions
SET why = CASE WHEN length(why) > 0 THEN 'forgotten' ELSE why END
WHERE ids && CAST(:ids AS bigint[])
