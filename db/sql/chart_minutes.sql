-- What was counted in a period, a row a step of it, also where nothing was: null where it is not counted yet, or was not
-- counted then, before the first minute that is kept. Held is the
-- most that a minute's last health check found: by the last one alone a step would hide an outage that is shorter than it. Null:
-- there was none.
WITH minutes AS (
    SELECT
        date_bin(make_interval(secs => :step), minute, CAST(:since AS timestamptz)) AS at,
        sum(accepted) AS accepted,
        sum(confirmed) AS confirmed,
        sum(rejected) AS rejected,
        sum(failed) AS failed,
        sum(expired) AS expired,
        sum(cancelled) AS cancelled,
        sum(retries) AS retries,
        max(held) AS held
    FROM booking_minutes
    WHERE minute >= :since AND minute < :until
    GROUP BY 1
),
counted AS (
    SELECT
        coalesce(max(counted_until), '-infinity') AS until,
        (SELECT coalesce(min(minute), 'infinity') FROM booking_minutes) AS first
    FROM counted_bookings
)
SELECT at, is_whole, accepted, confirmed, rejected, failed, expired, cancelled, retries, held
FROM generate_series(
    CAST(:since AS timestamptz), CAST(:until AS timestamptz) - interval '1 second', make_interval(secs => :step)
) AS step (at)
LEFT JOIN minutes USING (at)
CROSS JOIN LATERAL (
    SELECT
        least(step.at + make_interval(secs => :step), CAST(:until AS timestamptz)) <= counted.until
        AND step.at + make_interval(secs => :step) > counted.first AS is_whole
    FROM counted
) AS whole
ORDER BY at
