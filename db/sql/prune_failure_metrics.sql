-- Delete metrics whose window ended before a moment: one batch, oldest first by id, so that no other index is needed.
-- What came in late stands further on, and is reached in a later run. `more`: the batch was full, and all of it was old.
-- SKIP LOCKED: two of these share the work, and a late aggregation goes first.
WITH oldest AS (
    SELECT id, created_at
    FROM failure_metrics
    WHERE id > :after
    ORDER BY id
    LIMIT :limit
),
spent AS (
    SELECT metric.id
    FROM failure_metrics AS metric
    JOIN oldest USING (id)
    WHERE metric.window_end < :before
    FOR UPDATE OF metric SKIP LOCKED
),
deleted AS (
    DELETE FROM failure_metrics AS metric
    USING spent
    WHERE metric.id = spent.id
    RETURNING metric.id
)
SELECT
    (SELECT count(*) FROM deleted) AS deleted,
    coalesce(max(id), 0) AS last,
    count(*) = :limit AND max(created_at) < :before AS more
FROM oldest
