-- The states in a period of the two breakers that hold bookings, the service's own and that of the calls which book: what
-- each came in with, then each change.
-- What it came in with is the newest change before the period, found from the end of the index; `prune` never deletes that
-- one. A breaker that has never changed is closed. An epoch is never reused and grows, so it settles equal moments.
WITH scope AS (
    SELECT CAST(NULL AS text) AS endpoint
    UNION ALL
    SELECT CAST(:endpoint AS text)
)
SELECT scope.endpoint, CAST(:since AS timestamptz) AS at, before.new_state AS state, CAST(0 AS bigint) AS epoch
FROM scope
CROSS JOIN LATERAL (
    SELECT new_state
    FROM circuit_breaker_events AS change
    WHERE change.service = :service AND change.endpoint IS NOT DISTINCT FROM scope.endpoint AND change.created_at <= :since
    ORDER BY change.created_at DESC, change.epoch DESC
    LIMIT 1
) AS before
UNION ALL
SELECT endpoint, created_at, new_state, epoch
FROM circuit_breaker_events
WHERE service = :service AND (endpoint IS NULL OR endpoint = :endpoint) AND created_at > :since AND created_at < :until
ORDER BY at, epoch
