-- Calls of a service in a period, by step: failures by type, and how long all calls took. Windows without a call have no row;
-- those that have lost a part say so (at_least), also where nothing else is known of them. A window's times stand in each
-- of its rows: they count once an endpoint.
WITH metric AS (
    SELECT
        date_bin(make_interval(secs => :step), window_start, CAST(:since AS timestamptz)) AS at,
        window_start, endpoint, error_type, count, response_time_buckets, at_least,
        row_number() OVER (PARTITION BY window_start, endpoint ORDER BY response_time_buckets IS NULL, id) = 1 AS is_first
    FROM failure_metrics
    WHERE service = :service AND window_start >= :since AND window_start < :until
),
failures AS (
    SELECT at, jsonb_object_agg(error_type, count) AS by_type
    FROM (SELECT at, error_type, sum(count) AS count FROM metric WHERE error_type <> 'none' GROUP BY at, error_type) AS one
    GROUP BY at
),
times AS (
    SELECT at, array_agg(calls ORDER BY place) AS buckets
    FROM (
        SELECT at, place, sum(calls) AS calls
        FROM metric
        CROSS JOIN LATERAL unnest(response_time_buckets) WITH ORDINALITY AS bucket (calls, place)
        WHERE is_first
        GROUP BY at, place
    ) AS one
    GROUP BY at
)
SELECT step.at, coalesce(failures.by_type, '{}') AS failures, times.buckets, step.at_least
FROM (SELECT at, bool_or(at_least) AS at_least FROM metric GROUP BY at) AS step
LEFT JOIN failures USING (at)
LEFT JOIN times USING (at)
ORDER BY step.at
