-- Find the newest booking of an idempotency key, given or derived. A plain read, one arm an index: of the keys of
-- requests, of derived ones that are in force, and of derived ones that are free again.
SELECT /* columns */
FROM (
    SELECT * FROM /* schema */appointments WHERE idempotency_key = :key AND NOT key_derived
    UNION ALL
    SELECT * FROM /* schema */appointments
    WHERE idempotency_key = :key AND key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
    UNION ALL
    SELECT * FROM /* schema */appointments
    WHERE idempotency_key = :key AND key_derived AND status IN ('rejected', 'failed', 'expired', 'cancelled')
) AS found
ORDER BY id DESC
LIMIT 1
