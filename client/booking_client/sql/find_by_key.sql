-- Find the newest booking of an idempotency key, given or derived, of one account (:account, by name; null: account 1). A plain read, one arm an index: of the keys of
-- requests, of derived ones that are in force, and of derived ones that are free again.
WITH asked AS (
    SELECT CASE WHEN CAST(:account AS text) IS NULL THEN 1 ELSE /* schema */calcom_account_id(:account) END AS account_id
)
SELECT /* columns */
FROM (
    SELECT * FROM /* schema */appointments
    WHERE idempotency_key = :key AND account_id = (SELECT account_id FROM asked) AND NOT key_derived
    UNION ALL
    SELECT * FROM /* schema */appointments
    WHERE idempotency_key = :key AND account_id = (SELECT account_id FROM asked)
        AND key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
    UNION ALL
    SELECT * FROM /* schema */appointments
    WHERE idempotency_key = :key AND account_id = (SELECT account_id FROM asked)
        AND key_derived AND status IN ('rejected', 'failed', 'expired', 'cancelled')
) AS appointment
ORDER BY id DESC
LIMIT 1
