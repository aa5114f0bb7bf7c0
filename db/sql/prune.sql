-- Delete from a table what is over (db/monitoring/retention.py says what): one batch, oldest first by id, so that no other
-- index is needed. What came in late stands further on, and is reached in a later run. `more`: the batch was full, and
-- all of it was old.
-- The condition is looked at again under the lock: a failed booking that the operator is just sending again stays.
-- SKIP LOCKED: two of these share the work, and another transaction that has a row goes first.
WITH oldest AS (
    SELECT id, {begun_at} AS begun_at
    FROM {table}
    WHERE id > :after
    ORDER BY id
    LIMIT :limit
),
spent AS (
    SELECT one.id
    FROM {table} AS one
    JOIN oldest USING (id)
    WHERE {over}
    FOR UPDATE OF one SKIP LOCKED
),
deleted AS (
    DELETE FROM {table} AS one
    USING spent
    WHERE one.id = spent.id
    RETURNING one.id
)
SELECT
    (SELECT count(*) FROM deleted) AS deleted,
    coalesce(max(id), 0) AS last,
    count(*) = :limit AND max(begun_at) < :before AS more
FROM oldest
