-- Replace all that is of a person in bookings that are over, and in what was written about them. State, times, figures, our
-- reference and Cal.com's uid stay: counts and audits say the same afterwards. Keys and hashes go, for a hash of an address
-- finds that address. So does a callback address that is the booking's own, which may name anybody: what was to go there is
-- given up. `updated_at` stays, for nothing has moved.
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
        callback_url = (SELECT callback_url FROM api_keys AS key
            WHERE key.id = appointments.api_key_id AND key.callback_url = appointments.callback_url),
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
    UPDATE callbacks AS callback
    SET data = data || '{"key": null}',
        url = CASE WHEN of_key THEN url ELSE '' END,
        next_at = CASE WHEN of_key THEN next_at END,
        is_sending = is_sending AND of_key,
        given_up_at = CASE WHEN of_key OR delivered_at IS NOT NULL THEN given_up_at ELSE coalesce(given_up_at, now()) END
    FROM (
        SELECT one.id, EXISTS (
            SELECT FROM api_keys AS key WHERE key.id = one.api_key_id AND key.callback_url = one.url
        ) AS of_key
        FROM callbacks AS one
        WHERE one.appointment_id = ANY(:ids)
    ) AS known
    WHERE known.id = callback.id
)
UPDATE operator_actions
SET why = CASE WHEN length(why) > 0 THEN 'forgotten' ELSE why END
WHERE ids && CAST(:ids AS bigint[])
