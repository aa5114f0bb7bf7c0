-- Read what was around one time of day, today and on past days: a range of the index a day, not the weeks between.
-- A row holds one error type of one endpoint. A window with failures has only its failures' rows, each with the share of
-- all calls that went well: so the calls are the failures over the share that failed. One without has the row `none`.
-- Endpoints are added up, their mean times weighted by calls. What may lack calls is left out: it is no usual figure.
WITH metric AS (
    SELECT metric.*
    FROM generate_series(0, :days) AS day
    CROSS JOIN LATERAL (SELECT CAST(:now AS timestamptz) - day * interval '24 hours' AS moment) AS past
    CROSS JOIN LATERAL (
        SELECT *
        FROM failure_metrics
        WHERE service = :service
          AND window_start >= past.moment - CAST(:before AS interval)
          AND window_start < past.moment + CAST(:after AS interval)
          AND NOT at_least
    ) AS metric
),
endpoint AS (
    SELECT
        window_start,
        window_end,
        avg_response_time_ms,
        failures,
        CASE WHEN failures = 0 THEN healthy ELSE round(failures / nullif(1 - success_rate, 0)) END AS calls
    FROM (
        SELECT
            window_start,
            window_end,
            max(avg_response_time_ms) AS avg_response_time_ms,
            max(success_rate) AS success_rate,
            coalesce(sum(count) FILTER (WHERE error_type <> 'none'), 0) AS failures,
            coalesce(sum(count) FILTER (WHERE error_type = 'none'), 0) AS healthy
        FROM metric
        GROUP BY window_start, window_end, endpoint
    ) AS counted
)
SELECT
    window_start,
    window_end,
    CAST(sum(calls) AS bigint) AS calls,
    CAST(sum(failures) AS bigint) AS failures,
    sum(avg_response_time_ms * calls) / nullif(sum(calls) FILTER (WHERE avg_response_time_ms IS NOT NULL), 0) AS average_ms
FROM endpoint
WHERE calls > 0
GROUP BY window_start, window_end
ORDER BY window_start
