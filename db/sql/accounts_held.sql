-- Find the accounts but account 1 that have bookings held for their key, for their settings, by their pause, for a time that has
-- come, or since their probes failed, or changes held like that, from a number on. A plain read, from one account's entry of
-- the indexes to the next one's first: it costs as much as there are accounts with bookings that live or changes that are
-- held, at most :most of them, and with account 1 alone nothing. The last row is the last account that was looked at, if there
-- may be more behind it: the next run goes on from there.
WITH RECURSIVE one AS (
    SELECT greatest(CAST(:after AS integer), 1) AS account_id, 0 AS number
    UNION ALL
    SELECT following.account_id, one.number + 1
    FROM one
    CROSS JOIN LATERAL (
        (SELECT account_id
         FROM appointments
         WHERE account_id <> 1 AND status IN ('pending', 'booking', 'retrying', 'held') AND account_id > one.account_id
         ORDER BY account_id
         LIMIT 1)
        UNION ALL
        (SELECT account_id
         FROM booking_changes
         WHERE status = 'held' AND account_id > one.account_id
         ORDER BY account_id
         LIMIT 1)
        ORDER BY account_id
        LIMIT 1
    ) AS following
    WHERE one.number < :most
)
(SELECT account_id, false AS is_last
FROM one
WHERE number > 0 AND (
    EXISTS (
        SELECT FROM appointments AS held
        WHERE held.account_id = one.account_id AND held.account_id <> 1
            AND held.status IN ('pending', 'booking', 'retrying', 'held')
            AND held.hold_reason IN ('paused', 'credentials', 'blind_key', 'configuration', 'unreachable')
    ) OR EXISTS (
        SELECT FROM appointments AS due
        WHERE due.account_id = one.account_id AND due.status = 'held' AND due.hold_until <= now() AND due.hold_reason <> 'suspect'
    ) OR EXISTS (
        SELECT FROM booking_changes AS held
        WHERE held.account_id = one.account_id AND held.status = 'held'
            AND held.hold_reason IN ('paused', 'credentials', 'blind_key', 'configuration', 'unreachable')
    ) OR EXISTS (
        SELECT FROM booking_changes AS due
        WHERE due.account_id = one.account_id AND due.status = 'held' AND due.hold_until <= now() AND due.hold_reason <> 'suspect'
    )
)
LIMIT :limit)
UNION ALL
SELECT account_id, true FROM one WHERE number = :most
