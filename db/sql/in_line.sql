-- Find the accounts that have bookings or changes which wait for the breaker or for the rate limit, by number, `after` a number.
-- A plain read, from one account's first entry of the indexes to the next one's: it costs as much as there are accounts up to
-- the last one that is found, however long their lines are. Nothing of a paused account goes: it is not counted, so that many
-- of them hide nobody. What a closed one has left goes, and its worker says why it cannot be sent.
WITH RECURSIVE one AS (
    SELECT CAST(:after AS integer) AS account_id, 0 AS number
    UNION ALL
    SELECT following.account_id, one.number + CAST(own.state <> 'paused' AS integer)
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
    JOIN calcom_accounts AS own ON own.id = following.account_id
    WHERE one.number < :limit
)
SELECT account.id, account.key_fingerprint, account.calls_per_minute, account.alone, account.neighbours, account.state
FROM one
JOIN calcom_accounts AS account ON account.id = one.account_id
WHERE one.number > 0 AND account.state <> 'paused'
ORDER BY account.id
