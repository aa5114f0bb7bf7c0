-- Say of one breaker (of all accounts) when its last outage began and when it ended: from its first opening after it was last closed, to
-- that closing (null: it goes on). An operator's override is no outage. A breaker that Redis had lost begins closed
-- ('begun'): that ends nothing if it opens again soon, for then Cal.com was down all the time.
WITH scope AS (
    SELECT created_at, new_state, reason, epoch FROM circuit_breaker_events
    WHERE service = :service AND endpoint IS NOT DISTINCT FROM CAST(:endpoint AS text) AND account_id IS NULL
),
closings AS (
    SELECT created_at
    FROM scope AS closing
    WHERE new_state = 'closed'
        AND (
            reason <> 'begun'
            OR NOT EXISTS (
                SELECT FROM scope AS again
                WHERE again.new_state = 'open' AND again.epoch > closing.epoch
                    AND again.created_at BETWEEN closing.created_at AND closing.created_at + interval '10 minutes'
            )
        )
    ORDER BY created_at DESC
    LIMIT 2
),
bounds AS (
    SELECT max(created_at) AS last, min(created_at) AS before, count(*) AS known FROM closings
),
going_on AS (
    SELECT min(created_at) AS began FROM scope, bounds
    WHERE new_state = 'open' AND created_at > coalesce(last, '-infinity')
)
SELECT
    coalesce(
        (SELECT began FROM going_on),
        (
            SELECT min(created_at) FROM scope, bounds
            WHERE new_state = 'open' AND created_at <= last
                AND created_at > CASE WHEN known = 2 THEN before ELSE '-infinity' END
        )
    ) AS began,
    CASE WHEN (SELECT began FROM going_on) IS NULL THEN (SELECT last FROM bounds) END AS ended
