-- Find the latest confirmed booking of each event type of an account. A plain read, from one entry of the index to the next type's
-- first (PostgreSQL has no loose index scan of its own): it costs as much as there are types, however many bookings.
-- A CASE: of an equation the planner believes, while it has no statistics, that next to no row is of the account, and reads
-- and sorts them all.
WITH RECURSIVE latest AS (
    (
        SELECT id, event_type
        FROM appointments
        CROSS JOIN LATERAL (SELECT /* event_type */ AS event_type) AS named
        WHERE status = 'confirmed' AND CASE WHEN account_id = :account THEN true ELSE false END
        ORDER BY event_type DESC, id DESC
        LIMIT 1
    )
    UNION ALL
    SELECT following.id, following.event_type
    FROM latest
    CROSS JOIN LATERAL (
        SELECT id, named.event_type
        FROM appointments
        CROSS JOIN LATERAL (SELECT /* event_type */ AS event_type) AS named
        WHERE status = 'confirmed' AND named.event_type < latest.event_type
            AND CASE WHEN account_id = :account THEN true ELSE false END
        ORDER BY named.event_type DESC, id DESC
        LIMIT 1
    ) AS following
)
SELECT appointment.*
FROM latest
JOIN appointments AS appointment USING (id)
ORDER BY latest.event_type
