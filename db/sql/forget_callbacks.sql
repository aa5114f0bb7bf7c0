-- Take a person out of callbacks: the key of all that are of forgotten bookings (:ids), or that name the person. An address that is
-- the booking's own may name anybody, and so may its host: both go, and what was to go there is given up. Bookings that live
-- (:kept) keep all of theirs. Locked in the order of all (db/callbacks.py).
WITH known AS (
    SELECT
        callback.id,
        callback.appointment_id <> ALL(CAST(:ids AS bigint[])) OR EXISTS (
            SELECT FROM api_keys AS key WHERE key.id = callback.api_key_id AND key.callback_url = callback.url
        ) AS stays
    FROM callbacks AS callback
    WHERE callback.appointment_id = ANY(CAST(:ids AS bigint[]))
        OR callback.appointment_id <> ALL(CAST(:kept AS bigint[]))
            AND CAST(callback.data AS text) ~ ANY(CAST(:words AS text[]))
    ORDER BY callback.id
    FOR UPDATE OF callback
)
UPDATE callbacks AS callback
SET data = data || '{"key": null}',
    url = CASE WHEN stays THEN url ELSE '' END,
    host = CASE WHEN stays THEN host ELSE '' END,
    next_at = CASE WHEN stays THEN next_at END,
    is_sending = is_sending AND stays,
    given_up_at = CASE WHEN stays OR delivered_at IS NOT NULL THEN given_up_at ELSE coalesce(given_up_at, now()) END
FROM known
WHERE known.id = callback.id
