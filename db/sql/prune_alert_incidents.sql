-- Delete incidents that were closed before a moment; an open one stays, however old. They are few.
-- SKIP LOCKED: whoever is telling of one goes first.
WITH spent AS (
    SELECT id
    FROM alert_incidents
    WHERE closed_at < :before AND opened_at < :before AND id > :after
    ORDER BY id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
deleted AS (
    DELETE FROM alert_incidents AS incident
    USING spent
    WHERE incident.id = spent.id
    RETURNING incident.id
)
SELECT count(*) AS deleted, coalesce(max(id), 0) AS last, count(*) = :limit AS more FROM deleted
