-- What was counted in a period, a row a step of it, also where nothing was: null where it is not counted yet. Held is what
-- the last health check of a step found; null: there was none.
SELECT
    step.at,
    CASE WHEN counted.is_whole THEN coalesce(sum(minutes.accepted), 0) END AS accepted,
    CASE WHEN counted.is_whole THEN coalesce(sum(minutes.confirmed), 0) END AS confirmed,
    CASE WHEN counted.is_whole THEN coalesce(sum(minutes.rejected), 0) END AS rejected,
    CASE WHEN counted.is_whole THEN coalesce(sum(minutes.failed), 0) END AS failed,
    CASE WHEN counted.is_whole THEN coalesce(sum(minutes.expired), 0) END AS expired,
    CASE WHEN counted.is_whole THEN coalesce(sum(minutes.cancelled), 0) END AS cancelled,
    CASE WHEN counted.is_whole THEN coalesce(sum(minutes.retries), 0) END AS retries,
    (array_agg(minutes.held ORDER BY minutes.minute DESC) FILTER (WHERE minutes.held IS NOT NULL))[1] AS held
FROM generate_series(
    CAST(:since AS timestamptz), CAST(:until AS timestamptz) - interval '1 second', make_interval(secs => :step)
) AS step (at)
CROSS JOIN LATERAL (
    SELECT coalesce(
        (SELECT step.at + make_interval(secs => :step) <= counted_until FROM counted_bookings), false
    ) AS is_whole
) AS counted
LEFT JOIN booking_minutes AS minutes
    ON minutes.minute >= step.at AND minutes.minute < step.at + make_interval(secs => :step)
GROUP BY step.at, counted.is_whole
ORDER BY step.at
