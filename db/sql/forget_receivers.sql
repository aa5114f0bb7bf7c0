-- Forget the failures of receivers that no callback waits for, for the same reason as the next statement (forget_hosts.sql). Locked
-- in the order of all (db/callbacks.py).
DELETE FROM callback_receivers
WHERE (host, api_key_id) IN (
    SELECT known.host, known.api_key_id
    FROM callback_receivers AS known
    WHERE NOT EXISTS (
        SELECT FROM callbacks AS callback
        WHERE callback.host = known.host AND callback.api_key_id = known.api_key_id AND callback.next_at IS NOT NULL
    )
    ORDER BY known.host, known.api_key_id
    FOR UPDATE
)
