-- Count by account the bookings that requested.sql takes up next, with what says how fast each account's messages may go. A
-- plain read, asked only where there are several accounts: what comes meanwhile waits for the next batch.
WITH next AS (
    SELECT account_id
    FROM appointments
    WHERE status = 'pending' AND enqueued_at IS NULL AND updated_at = created_at
    ORDER BY line_at, id
    LIMIT :limit
)
SELECT
    account.id, account.service, account.key_fingerprint, account.calls_per_minute, account.alone, account.neighbours, account.state,
    wanted.rows
FROM (SELECT account_id, count(*) AS rows FROM next GROUP BY account_id) AS wanted
JOIN calcom_accounts AS account ON account.id = wanted.account_id
ORDER BY account.id
