-- What became of bookings since a moment: the minutes that are counted, and the events that came after those. Null where
-- the counting stands still: too much would have to be read, and nobody knows how much.
-- LATERAL: the planner takes a third of all events for newer than a moment that it does not know, and would start
-- parallel workers to read the few that are.
WITH counted AS (
    SELECT event_id
    FROM counted_bookings
    WHERE counted_until > CAST(:now AS timestamptz) - make_interval(secs => :patience_seconds)
),
minutes AS (
    SELECT
        coalesce(sum(confirmed), 0) AS confirmed,
        coalesce(sum(rejected), 0) AS rejected,
        coalesce(sum(failed), 0) AS failed,
        coalesce(sum(expired), 0) AS expired,
        coalesce(sum(cancelled), 0) AS cancelled
    FROM booking_minutes
    WHERE minute >= :since
),
since_then AS (
    SELECT newer.*
    FROM counted
    CROSS JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE kind = 'confirmed') AS confirmed,
            count(*) FILTER (WHERE kind = 'rejected') AS rejected,
            count(*) FILTER (WHERE kind = 'failed') AS failed,
            count(*) FILTER (WHERE kind = 'expired') AS expired,
            count(*) FILTER (WHERE kind = 'cancelled') AS cancelled
        FROM appointment_events
        WHERE id > counted.event_id
    ) AS newer
)
SELECT
    CAST(minutes.confirmed + since_then.confirmed AS bigint),
    CAST(minutes.rejected + since_then.rejected AS bigint),
    CAST(minutes.failed + since_then.failed AS bigint),
    CAST(minutes.expired + since_then.expired AS bigint),
    CAST(minutes.cancelled + since_then.cancelled AS bigint)
FROM minutes, since_then
