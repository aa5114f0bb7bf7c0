-- The service breaker's states in a period: the one that it came in with, then each change.
-- What it came in with is the newest change before the period, found from the end of the index; `prune` never deletes that
-- one. A breaker that has never changed is closed. An epoch is never reused and grows, so it settles equal moments.
(
    SELECT CAST(:since AS timestamptz) AS at, new_state AS state, CAST(0 AS bigint) AS epoch
    FROM circuit_breaker_events
    WHERE service = :service AND endpoint IS NULL AND created_at <= :since
    ORDER BY created_at DESC, circuit_breaker_events.epoch DESC
    LIMIT 1
)
UNION ALL
SELECT created_at, new_state, epoch
FROM circuit_breaker_events
WHERE service = :service AND endpoint IS NULL AND created_at > :since AND created_at < :until
ORDER BY at, epoch
