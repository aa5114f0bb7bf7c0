-- Find the accounts that have bookings or changes which wait for the breaker or for the rate limit, by number, `after` a number:
-- those of one service (:service), or of all (null).
-- A plain read, from one account's first entry of the indexes to the next one's, and past what is another service's to the next
-- account of this one: it costs as much as there are accounts in line, or accounts of the service, whichever are fewer, up to the
-- last one that is found, however long their lines are. Nothing of a paused account goes: it is not counted, so that many
-- of them hide nobody. What a closed one has left goes, and its worker says why it cannot be sent.
WITH RECURSIVE one AS (
    SELECT CAST(:after AS integer) AS place, CAST(NULL AS integer) AS account_id, 0 AS number
    UNION ALL
    SELECT step.place, step.account_id, one.number + CAST(step.account_id IS NOT NULL AS integer)
    FROM one
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN CAST(:service AS text) IS NULL OR own.service = CAST(:service AS text) THEN own.id
                ELSE (SELECT id - 1 FROM calcom_accounts WHERE service = CAST(:service AS text) AND id > own.id ORDER BY id LIMIT 1)
            END AS place,
            CASE
                WHEN own.state <> 'paused' AND (CAST(:service AS text) IS NULL OR own.service = CAST(:service AS text)) THEN own.id
            END AS account_id
        FROM (
            (SELECT account_id
             FROM appointments
             WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > one.place
             ORDER BY account_id
             LIMIT 1)
            UNION ALL
            (SELECT account_id
             FROM booking_changes
             WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > one.place
             ORDER BY account_id
             LIMIT 1)
            ORDER BY account_id
            LIMIT 1
        ) AS following
        JOIN calcom_accounts AS own ON own.id = following.account_id
    ) AS step
    WHERE one.number < :limit AND one.place IS NOT NULL
)
SELECT
    account.id, account.service, account.key_fingerprint, account.calls_per_minute, account.alone, account.neighbours, account.state
FROM one
JOIN calcom_accounts AS account ON account.id = one.account_id
ORDER BY account.id
