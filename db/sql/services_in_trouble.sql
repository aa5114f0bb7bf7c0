-- Name those of the :services (other Cal.coms than the settings', by services.sql) that are not closed by the record: the state of the
-- breaker of all its endpoints, or if that is closed of the one that makes bookings (:create); since when, by whom.
-- A plain read: of each Cal.com the newest change of two breakers.
-- One at rest is forgotten by Redis, and stays in the record as it was: it is not fresh, and is left out when nothing waits.
WITH scope AS (
    SELECT one.service, of.endpoint, newest.new_state, newest.epoch, newest.created_at, newest.context
    FROM unnest(CAST(:services AS text[])) AS one (service)
    CROSS JOIN (VALUES (CAST(NULL AS text)), (CAST(:create AS text))) AS of (endpoint)
    CROSS JOIN LATERAL (
        SELECT new_state, epoch, created_at, context
        FROM circuit_breaker_events AS change
        WHERE change.service = one.service AND change.endpoint IS NOT DISTINCT FROM of.endpoint AND change.account_id IS NULL
        ORDER BY epoch DESC
        LIMIT 1
    ) AS newest
    WHERE newest.new_state <> 'closed'
),
worst AS (
    SELECT DISTINCT ON (service) * FROM scope ORDER BY service, endpoint NULLS FIRST
)
SELECT
    worst.service, worst.endpoint, worst.new_state AS state, began.at AS since,
    worst.context ->> 'by' AS by, worst.context ->> 'why' AS why,
    worst.created_at > now() - interval '2 hours' AS is_fresh
FROM worst
CROSS JOIN LATERAL (
    SELECT coalesce(min(created_at), worst.created_at) AS at
    FROM circuit_breaker_events AS change
    WHERE change.service = worst.service AND change.endpoint IS NOT DISTINCT FROM worst.endpoint AND change.account_id IS NULL
        AND change.new_state <> 'closed' AND change.epoch > coalesce((
            SELECT max(epoch)
            FROM circuit_breaker_events AS closing
            WHERE closing.service = worst.service AND closing.endpoint IS NOT DISTINCT FROM worst.endpoint
                AND closing.account_id IS NULL AND closing.new_state = 'closed'
        ), 0)
) AS began
ORDER BY since, worst.service
