-- Find the accounts but account 1 that have bookings held for their key, for their settings, by their pause, for a time that has
-- come, or since their probes failed, from a number on. A plain read, from one account's entry of the index to the next one's first: it costs as much as there are accounts
-- with bookings that live, and with account 1 alone nothing.
WITH RECURSIVE one AS (
    (
        SELECT account_id
        FROM appointments
        WHERE account_id <> 1 AND status IN ('pending', 'booking', 'retrying', 'held') AND account_id > :after
        ORDER BY account_id
        LIMIT 1
    )
    UNION ALL
    SELECT following.account_id
    FROM one
    CROSS JOIN LATERAL (
        SELECT account_id
        FROM appointments
        WHERE account_id <> 1 AND status IN ('pending', 'booking', 'retrying', 'held') AND account_id > one.account_id
        ORDER BY account_id
        LIMIT 1
    ) AS following
)
SELECT account_id
FROM one
WHERE EXISTS (
    SELECT FROM appointments AS held
    WHERE held.account_id = one.account_id AND held.account_id <> 1
        AND held.status IN ('pending', 'booking', 'retrying', 'held')
        AND held.hold_reason IN ('paused', 'credentials', 'blind_key', 'configuration', 'unreachable')
) OR EXISTS (
    SELECT FROM appointments AS due
    WHERE due.account_id = one.account_id AND due.status = 'held' AND due.hold_until <= now() AND due.hold_reason <> 'suspect'
)
LIMIT :limit
