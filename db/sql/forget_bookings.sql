-- Replace all that is of a person in bookings that are over, and in what was written about them. State, times, figures, our
-- reference and the uid that a booking has at Cal.com stay: counts and audits say the same afterwards. Each other uid goes (:uids),
-- from changes and events: under it Cal.com has the person's name. Keys and hashes go, for a hash of an address
-- finds that address. So does a callback address that is the booking's own, which may name anybody. Of an operator's order stay
-- its moments and accounts, and what is no text. `updated_at` stays, for nothing has moved.
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
    SET detail = (
            SELECT coalesce(jsonb_object_agg(fact.name, fact.value), '{}')
            FROM jsonb_each(detail - 'words' - 'seat') AS fact (name, value)
            WHERE NOT EXISTS (SELECT FROM unnest(CAST(:uids AS text[])) AS gone (uid) WHERE strpos(CAST(fact.value AS text), gone.uid) > 0)
        )
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
        from_uid = CASE WHEN status IN ('pending', 'changing', 'retrying', 'held') THEN from_uid END, -- it is sent by that
        from_seat_uid = NULL,
        to_uid = NULL,
        to_seat_uid = NULL,
        weeks_named = '[]',
        refusal = NULL,
        last_error = NULL
    WHERE appointment_id = ANY(:ids)
),
hints AS (
    UPDATE calcom_webhooks SET uid = 'forgotten', old_uid = NULL
    WHERE next_at IS NULL AND (uid = ANY(CAST(:uids AS text[])) OR old_uid = ANY(CAST(:uids AS text[])))
),
wishes AS (
    DELETE FROM change_wishes WHERE appointment_id = ANY(:ids)
),
starts AS (
    DELETE FROM moved_starts WHERE appointment_id = ANY(:ids)
)
UPDATE operator_actions
SET why = CASE WHEN length(why) > 0 THEN 'forgotten' ELSE why END,
    refused = CASE WHEN length(refused) > 0 THEN 'forgotten' ELSE refused END,
    target = (
        SELECT coalesce(jsonb_object_agg(given.name, given.value), '{}')
        FROM jsonb_each(target) AS given (name, value)
        WHERE given.name IN ('start', 'week', 'scope', 'account') OR jsonb_typeof(given.value) IN ('number', 'boolean', 'null')
    )
WHERE ids && CAST(:ids AS bigint[])
