-- Say that these rows' messages were not sent, so that the sweeper sends them at once instead of waiting for
-- evidence. Only while they wait: one that was claimed meanwhile has had its message.
-- Locked in the order of ids, so that two of these never deadlock.
WITH waiting AS (
    SELECT id
    FROM /* rows */
    WHERE id = ANY (CAST(:ids AS bigint[])) AND status IN ('pending', 'retrying')
    ORDER BY id
    FOR UPDATE
)
UPDATE /* rows */ AS own
SET enqueued_at = NULL, updated_at = now()
FROM waiting
WHERE own.id = waiting.id
