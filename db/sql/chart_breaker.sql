-- The states of a service's breakers (of all accounts) from a moment on: what each came in with, then each change, in order. An endpoint is
-- found by its entry in the index of what happened once, not by reading all that happened; an epoch is never reused and
-- grows, so the newest change before the moment stands right below those that came later. Of one without an earlier change
-- nothing is known (null) until its first.
WITH RECURSIVE scope AS (
    (SELECT endpoint FROM circuit_breaker_events WHERE service = :service AND endpoint IS NOT NULL ORDER BY endpoint LIMIT 1)
    UNION ALL
    SELECT (
        SELECT endpoint FROM circuit_breaker_events
        WHERE service = :service AND endpoint > scope.endpoint
        ORDER BY endpoint
        LIMIT 1
    )
    FROM scope
    WHERE scope.endpoint IS NOT NULL
),
known AS (
    SELECT endpoint FROM scope WHERE endpoint IS NOT NULL
    UNION ALL
    SELECT NULL
)
SELECT known.endpoint, CAST(:since AS timestamptz) AS at, before.new_state AS state, CAST(0 AS bigint) AS epoch
FROM known
LEFT JOIN LATERAL (
    SELECT new_state
    FROM circuit_breaker_events AS change
    WHERE change.service = :service AND change.endpoint IS NOT DISTINCT FROM known.endpoint AND change.account_id IS NULL
        AND change.created_at <= :since
    ORDER BY change.created_at DESC, change.epoch DESC
    LIMIT 1
) AS before ON true
UNION ALL
SELECT endpoint, created_at, new_state, epoch
FROM circuit_breaker_events
WHERE service = :service AND account_id IS NULL AND created_at > :since
ORDER BY at, epoch
