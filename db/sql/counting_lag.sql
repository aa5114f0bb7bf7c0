-- How late the totals are, in seconds: of bookings by how far the minutes are counted, of calls by how long an aggregation
-- is overdue. The later of the two; null: neither has ever run.
SELECT CAST(extract(epoch FROM max(late)) AS float8)
FROM (
    SELECT clock_timestamp() - counted_until AS late FROM counted_bookings
    UNION ALL
    SELECT greatest(clock_timestamp() - ticked_at - make_interval(secs => every_seconds), interval '0')
    FROM heartbeats
    WHERE name = :aggregation
) AS one
