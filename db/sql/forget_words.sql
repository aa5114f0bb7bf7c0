-- Take a person's address and number, and in orders also the name, out of what was written elsewhere. Bookings that live (:kept)
-- keep all of theirs. The words are patterns (db/personal.py).
WITH told AS (
    UPDATE callbacks SET data = data || '{"key": null}'
    WHERE appointment_id <> ALL(CAST(:kept AS bigint[])) AND lower(CAST(data AS text)) ~ ANY(CAST(:words AS text[]))
),
restored AS (
    DELETE FROM restored_bookings WHERE lower(attendee) ~ ANY(CAST(:words AS text[]))
),
guests AS (
    UPDATE appointments
    SET guests = (
            SELECT coalesce(jsonb_agg(guest), '[]') FROM jsonb_array_elements(guests) AS guest
            WHERE NOT lower(guest #>> '{}') ~ ANY(CAST(:words AS text[]))
        ),
        payload_hash = CAST(gen_random_uuid() AS text)
    WHERE id = ANY(:guest_of)
)
UPDATE operator_actions
SET why = CASE WHEN lower(why) ~ ANY(CAST(:names AS text[])) THEN 'forgotten' ELSE why END,
    target = CASE WHEN lower(CAST(target AS text)) ~ ANY(CAST(:names AS text[])) THEN '{}' ELSE target END
WHERE lower(concat(why, ' ', CAST(target AS text))) ~ ANY(CAST(:names AS text[]))
