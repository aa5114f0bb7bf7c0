-- The slowest statements of a period: `failure_metrics` counts them as endpoints of the service `database`.
-- Every row of a window and endpoint holds the same maximum, so more rows change nothing.
SELECT endpoint, max(max_response_time_ms) AS longest_ms
FROM failure_metrics
WHERE service = 'database' AND window_start >= :since AND window_start < :until AND max_response_time_ms IS NOT NULL
GROUP BY endpoint
ORDER BY longest_ms DESC, endpoint
LIMIT :limit
