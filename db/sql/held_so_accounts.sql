-- Find the accounts of which rows are held for a reason, of one event type and of one account or of all.
SELECT DISTINCT account_id
FROM /* rows */
WHERE status = 'held' AND hold_reason = :reason
    AND (CAST(:event_type_id AS bigint) IS NULL OR /* of the type */)
    AND (CAST(:account AS integer) IS NULL OR account_id = :account)
ORDER BY account_id
