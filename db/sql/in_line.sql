-- Find the active accounts that have bookings which wait for the breaker or for the rate limit, by number, `after` a number. A
-- plain read, from one account's first entry of the index to the next one's: it costs as much as accounts are found,
-- however many have a line, and however long it is. Of those that are paused or closed nothing goes.
WITH RECURSIVE one AS (
    (
        SELECT account_id, 1 AS number
        FROM appointments
        WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > :after
        ORDER BY account_id
        LIMIT 1
    )
    UNION ALL
    SELECT following.account_id, one.number + 1
    FROM one
    CROSS JOIN LATERAL (
        SELECT account_id
        FROM appointments
        WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > one.account_id
        ORDER BY account_id
        LIMIT 1
    ) AS following
    WHERE one.number < :limit
)
SELECT account.id, account.key_fingerprint, account.calls_per_minute, account.alone, account.neighbours, account.state
FROM one
JOIN calcom_accounts AS account ON account.id = one.account_id
ORDER BY account.id
