-- Delete orders that were lifted, or ended by themselves, before a moment; one in force stays. They are few.
WITH spent AS (
    SELECT id
    FROM breaker_overrides
    WHERE (lifted_at < :before OR until < :before) AND id > :after
    ORDER BY id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
deleted AS (
    DELETE FROM breaker_overrides AS override
    USING spent
    WHERE override.id = spent.id
    RETURNING override.id
)
SELECT count(*) AS deleted, coalesce(max(id), 0) AS last, count(*) = :limit AS more FROM deleted
