-- Count what is held for a reason, of one event type and of one account or of all, with the moment of the count.
SELECT count(*), now()
FROM /* rows */
WHERE status = 'held' AND hold_reason = :reason
    AND (CAST(:event_type_id AS bigint) IS NULL OR /* of the type */)
    AND (CAST(:account AS integer) IS NULL OR account_id = :account)
