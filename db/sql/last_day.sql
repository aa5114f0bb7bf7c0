-- What became of bookings since a moment: the minutes that are counted, and the events that came after those. Null where
-- the counting stands still: too much would have to be read, and nobody knows how much.
-- LATERAL: the planner takes a third of all events for newer than a moment that it does not know, and would start
-- parallel workers to read the few that are.
SELECT
    CAST(sum(confirmed) AS bigint) AS confirmed,
    CAST(sum(rejected) AS bigint) AS rejected,
    CAST(sum(failed) AS bigint) AS failed,
    CAST(sum(expired) AS bigint) AS expired,
    CAST(sum(cancelled) AS bigint) AS cancelled
FROM counted_bookings AS counted
CROSS JOIN LATERAL (
    SELECT confirmed, rejected, failed, expired, cancelled FROM booking_minutes WHERE minute >= :since
    UNION ALL
    SELECT
        count(*) FILTER (WHERE kind = 'confirmed'),
        count(*) FILTER (WHERE kind = 'rejected'),
        count(*) FILTER (WHERE kind = 'failed'),
        count(*) FILTER (WHERE kind = 'expired'),
        count(*) FILTER (WHERE kind = 'cancelled')
    FROM appointment_events
    WHERE id > counted.event_id
) AS part
WHERE counted_until > CAST(:now AS timestamptz) - make_interval(secs => :patience_seconds)
HAVING count(*) > 0
