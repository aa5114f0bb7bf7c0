-- Return the callbacks of an API key that a snapshot (:since; null: the beginning) did not see and another one (:until; null:
-- this statement's) does, in a fixed order, after a place in it: as settled_since.sql returns the ends of bookings, and for
-- the same reason. What was written before the column `xid` was there is in no page.
WITH given AS (
    SELECT
        coalesce(CAST(:until AS pg_snapshot), pg_current_snapshot()) AS until,
        CASE
            WHEN pg_snapshot_xmax(CAST(:since AS pg_snapshot)) <= pg_snapshot_xmax(pg_current_snapshot())
            THEN CAST(:since AS pg_snapshot)
        END AS since
)
SELECT
    CAST(given.until AS text) AS until, CAST(callback.xid AS text) AS xid, /* columns */,
    booking.attendee_time_zone AS time_zone, booking.attendee_language AS language
FROM given
LEFT JOIN LATERAL (
    SELECT *
    FROM callbacks AS written
    WHERE written.api_key_id = CAST(:api_key AS bigint)
        AND written.xid >= coalesce(pg_snapshot_xmin(given.since), CAST('0' AS xid8))
        AND (written.xid, written.id) > (CAST(:xid AS xid8), CAST(:event AS bigint))
        AND (given.since IS NULL OR NOT pg_visible_in_snapshot(written.xid, given.since))
        AND (
            pg_visible_in_snapshot(written.xid, given.until)
            OR given.since IS NULL AND written.xid >= pg_snapshot_xmax(pg_current_snapshot())
        )
    ORDER BY written.xid, written.id
    LIMIT CAST(:limit AS integer)
) AS callback ON true
LEFT JOIN appointments AS booking ON booking.id = callback.appointment_id
ORDER BY callback.xid, callback.id
