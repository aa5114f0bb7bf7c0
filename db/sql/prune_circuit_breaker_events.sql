-- Delete the breaker's changes of state before a moment, but for the newest of each breaker: it says in which state the
-- breaker came into what is kept, and without it the share of time closed would be a guess.
-- Oldest first by id, as in prune_failure_metrics.sql.
WITH oldest AS (
    SELECT id, created_at
    FROM circuit_breaker_events
    WHERE id > :after
    ORDER BY id
    LIMIT :limit
),
standing AS (
    SELECT DISTINCT ON (service, endpoint) id
    FROM circuit_breaker_events
    WHERE created_at < :before
    ORDER BY service, endpoint, created_at DESC, epoch DESC
),
spent AS (
    SELECT event.id
    FROM circuit_breaker_events AS event
    JOIN oldest USING (id)
    WHERE event.created_at < :before AND event.id NOT IN (SELECT id FROM standing)
    FOR UPDATE OF event SKIP LOCKED
),
deleted AS (
    DELETE FROM circuit_breaker_events AS event
    USING spent
    WHERE event.id = spent.id
    RETURNING event.id
)
SELECT
    (SELECT count(*) FROM deleted) AS deleted,
    coalesce(max(id), 0) AS last,
    count(*) = :limit AND max(created_at) < :before AS more
FROM oldest
