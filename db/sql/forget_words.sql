-- Take a person's address and number out of others' bookings that are over (:guest_of), and out of changes and what was restored;
-- and out of orders also the name. Bookings that live (:kept) keep all of theirs. The words are patterns (db/whole_words.py).
WITH restored AS (
    DELETE FROM restored_bookings WHERE attendee ~ ANY(CAST(:words AS text[]))
),
changes AS (
    UPDATE booking_changes
    SET reason = CASE WHEN reason ~ ANY(CAST(:words AS text[])) THEN 'forgotten' ELSE reason END,
        idempotency_key = CASE
            WHEN idempotency_key ~ ANY(CAST(:words AS text[])) THEN 'forgotten:' || gen_random_uuid() ELSE idempotency_key
        END,
        correlation_id = CASE
            WHEN correlation_id ~ ANY(CAST(:words AS text[])) THEN 'forgotten-' || appointment_id ELSE correlation_id
        END,
        refusal = CASE WHEN NOT refusal ~ ANY(CAST(:words AS text[])) THEN refusal END,
        last_error = CASE WHEN NOT last_error ~ ANY(CAST(:words AS text[])) THEN last_error END
    WHERE appointment_id <> ALL(CAST(:kept AS bigint[]))
        AND concat_ws(' ', reason, idempotency_key, correlation_id, refusal, last_error) ~ ANY(CAST(:words AS text[]))
),
guests AS (
    UPDATE appointments
    SET guests = (
            SELECT coalesce(jsonb_agg(guest), '[]') FROM jsonb_array_elements(guests) AS guest
            WHERE NOT CAST(guest AS text) ~ ANY(CAST(:words AS text[]))
        ),
        location = CASE WHEN NOT CAST(location AS text) ~ ANY(CAST(:words AS text[])) THEN location END,
        booking_fields_responses = (
            SELECT coalesce(jsonb_object_agg(name, answer), '{}')
            FROM jsonb_each(booking_fields_responses) AS answered (name, answer)
            WHERE NOT concat_ws(' ', name, answer) ~ ANY(CAST(:words AS text[]))
        ),
        request_metadata = (
            SELECT coalesce(jsonb_object_agg(name, value), '{}') FROM jsonb_each(request_metadata) AS given (name, value)
            WHERE NOT concat_ws(' ', name, value) ~ ANY(CAST(:words AS text[]))
        ),
        idempotency_key = CASE
            WHEN idempotency_key ~ ANY(CAST(:words AS text[])) THEN 'forgotten:' || gen_random_uuid() ELSE idempotency_key
        END,
        correlation_id = CASE
            WHEN correlation_id ~ ANY(CAST(:words AS text[])) THEN 'forgotten-' || id ELSE correlation_id
        END,
        refusal = CASE WHEN NOT CAST(refusal AS text) ~ ANY(CAST(:words AS text[])) THEN refusal END,
        last_error = CASE WHEN NOT last_error ~ ANY(CAST(:words AS text[])) THEN last_error END,
        payload_hash = CAST(gen_random_uuid() AS text)
    WHERE id = ANY(:guest_of)
)
UPDATE operator_actions
SET why = CASE WHEN why ~ ANY(CAST(:names AS text[])) THEN 'forgotten' ELSE why END,
    refused = CASE WHEN refused ~ ANY(CAST(:names AS text[])) THEN 'forgotten' ELSE refused END,
    target = CASE WHEN CAST(target AS text) ~ ANY(CAST(:names AS text[])) THEN '{}' ELSE target END
WHERE concat_ws(' ', why, refused, target) ~ ANY(CAST(:names AS text[]))
