-- Return the ends of bookings that a snapshot (:since; null: the beginning) did not see and another one (:until; null: this
-- statement's) does, in a fixed order, after a place in it. A transaction that began early and commits late is not seen by
-- the first and is seen by a later one; a cursor by id, time or transaction alone would have passed it by.
-- `xid` is the transaction that wrote the event. The first condition lets the index begin where the first snapshot does.
-- Restored into another cluster, transactions count from the start again: a cursor from before begins at the beginning,
-- and there the events of transactions that this cluster has not had yet are seen, too.
WITH given AS (
    SELECT
        coalesce(CAST(:until AS pg_snapshot), pg_current_snapshot()) AS until,
        CASE
            WHEN pg_snapshot_xmax(CAST(:since AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())
            THEN CAST(:since AS pg_snapshot)
        END AS since
)
SELECT CAST(given.until AS text), CAST(event.xid AS text), event.id, /* columns */
FROM given
LEFT JOIN LATERAL (
    SELECT ended.xid, ended.id, ended.appointment_id
    FROM /* schema */appointment_events AS ended
    WHERE ended.xid >= coalesce(pg_snapshot_xmin(given.since), CAST('0' AS xid8))
        AND (ended.xid, ended.id) > (CAST(:xid AS xid8), CAST(:event AS bigint))
        AND ended.kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')
        AND (given.since IS NULL OR NOT pg_visible_in_snapshot(ended.xid, given.since))
        AND (
            pg_visible_in_snapshot(ended.xid, given.until)
            OR given.since IS NULL AND ended.xid >= pg_snapshot_xmax(pg_current_snapshot())
        )
        AND EXISTS (
            SELECT FROM /* schema */appointments AS one
            WHERE one.id = ended.appointment_id
                AND one.status IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')
        )
    ORDER BY ended.xid, ended.id
    LIMIT :limit
) AS event ON true
LEFT JOIN /* schema */appointments AS appointment ON appointment.id = event.appointment_id
ORDER BY event.xid, event.id
