-- The states of an account's own breaker of one endpoint in a period: what it came in with, then each change, in order.
(SELECT CAST(:since AS timestamptz) AS at, new_state AS state
FROM circuit_breaker_events
WHERE service = :service AND endpoint = :endpoint AND account_id = :account AND created_at <= :since
ORDER BY created_at DESC, epoch DESC
LIMIT 1)
UNION ALL
(SELECT created_at, new_state
FROM circuit_breaker_events
WHERE service = :service AND endpoint = :endpoint AND account_id = :account AND created_at > :since AND created_at < :until
ORDER BY created_at, epoch)
