-- Find the active accounts that have bookings or changes which wait for the breaker or for the rate limit, by number, `after` a
-- number. A plain read, from one account's first entry of the indexes to the next one's: it costs as much as accounts are
-- found, however many have a line, and however long it is. Of those that are paused or closed nothing goes.
WITH RECURSIVE one AS (
    SELECT CAST(:after AS integer) AS account_id, 0 AS number
    UNION ALL
    SELECT following.account_id, one.number + 1
    FROM one
    CROSS JOIN LATERAL (
        (SELECT account_id
         FROM appointments
         WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > one.account_id
         ORDER BY account_id
         LIMIT 1)
        UNION ALL
        (SELECT account_id
         FROM booking_changes
         WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > one.account_id
         ORDER BY account_id
         LIMIT 1)
        ORDER BY account_id
        LIMIT 1
    ) AS following
    WHERE one.number < :limit
)
SELECT account.id, account.key_fingerprint, account.calls_per_minute, account.alone, account.neighbours, account.state
FROM one
JOIN calcom_accounts AS account ON account.id = one.account_id
WHERE one.number > 0
ORDER BY account.id
