-- Read the requests that are known by these keys: a given key is known for ever, a derived one while it is in force.
-- So is that of each start to which its booking was moved, or from which; the row that has the key itself comes last.
-- A plain read, one arm an index. One array a kind of key: PostgreSQL allows 65,535 parameters, and the text stays the same
-- for the statement cache, whatever the number of keys. Of the accounts that the requests name (null: account 1); which row
-- answers which request, the caller knows by account and key.
WITH asked AS (
    SELECT array_agg(CASE WHEN name IS NULL THEN 1 ELSE /* schema */calcom_account_id(name) END) AS accounts
    FROM unnest(CAST(:accounts AS text[])) AS one (name)
)
SELECT /* columns */
FROM (
    SELECT appointment_id, idempotency_key AS moved_key
    FROM /* schema */moved_starts
    WHERE idempotency_key = ANY (CAST(:derived AS text[])) AND account_id = ANY ((SELECT accounts FROM asked)::integer[])
) AS moved
JOIN /* schema */appointments ON appointments.id = moved.appointment_id
WHERE status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
UNION ALL
SELECT /* columns */
FROM /* schema */appointments CROSS JOIN (SELECT CAST(NULL AS text) AS moved_key) AS own
WHERE idempotency_key = ANY (CAST(:given AS text[])) AND account_id = ANY ((SELECT accounts FROM asked)::integer[])
    AND NOT key_derived
UNION ALL
SELECT /* columns */
FROM /* schema */appointments CROSS JOIN (SELECT CAST(NULL AS text) AS moved_key) AS own
WHERE idempotency_key = ANY (CAST(:derived AS text[])) AND account_id = ANY ((SELECT accounts FROM asked)::integer[])
    AND key_derived
    AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
