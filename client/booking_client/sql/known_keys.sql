-- Read the requests that are known by these keys: a given key is known for ever, a derived one while it is in force.
-- A plain read, one arm an index. One array a kind of key: PostgreSQL allows 65,535 parameters, and the text stays the same
-- for the statement cache, whatever the number of keys.
SELECT /* columns */
FROM /* schema */appointments
WHERE idempotency_key = ANY (CAST(:given AS text[])) AND NOT key_derived
UNION ALL
SELECT /* columns */
FROM /* schema */appointments
WHERE idempotency_key = ANY (CAST(:derived AS text[]))
    AND key_derived
    AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
