-- Forget the failures of hosts that no callback waits for: the host of a forgotten address may be one of them, and no row says
-- which. The others lose a count that the next failure begins again. Locked in the order of all (db/callbacks.py), as the last.
DELETE FROM callback_hosts
WHERE host IN (
    SELECT known.host
    FROM callback_hosts AS known
    WHERE NOT EXISTS (
        SELECT FROM callbacks AS callback WHERE callback.host = known.host AND callback.next_at IS NOT NULL
    )
    ORDER BY known.host
    FOR UPDATE
)
