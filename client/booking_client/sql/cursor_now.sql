-- Return this moment's snapshot, and the transaction of the last end of a booking that it sees (0: there is none yet). The
-- order begins the index at its end.
SELECT CAST(pg_current_snapshot() AS text), CAST(coalesce((
    SELECT xid
    FROM /* schema */appointment_events
    WHERE xid IS NOT NULL AND kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')
    ORDER BY xid DESC, id DESC
    LIMIT 1
), CAST('0' AS xid8)) AS text)
