-- Find the bookings of some accounts (:accounts) that wait for the breaker or for the rate limit, of each in the order of its
-- line (line_at, which the client's insert.sql gives), at most :limit of each. Nothing is locked here: between this and
-- release_these.sql the breaker is asked, and no lock is ever held across a network call.
-- A type fails while Cal.com answers one of its bookings with an error of its own, so that nobody knows what became of it.
-- What waits for the breaker and is of such a type goes behind the others: else each of its bookings would be a probe,
-- or would open the breaker again, before anybody else's turn. Only one of those that have failed goes meanwhile, and
-- behind one of the others, for a success shows that the type is sound. An outage in which all types fail changes nothing.
-- A booking whose own probe failed goes behind them all. Both are read only when the others are fewer than the limit.
-- Nobody leaves the line while somebody who asked before for the same time is on the way to it (db/migrations/initial/times.sql), so a failed probe takes
-- those who want its time behind with it. That is looked for only where somebody asked before (`ahead`), and not of what is looked up
-- first: it may be booked.
-- All this is of one account: another one's event types, of the same numbers perhaps, are not these.
-- One arm a reason, so that the index (account_id, hold_reason, line_at) gives the order and 100,000 held rows cost no more
-- than a hundred.
-- postable: in half-open only a booking that may be posted now can be the probe, never a look.
SELECT own.account_id, one.id, one.line_at
FROM unnest(CAST(:accounts AS integer[])) WITH ORDINALITY AS own (account_id, number)
CROSS JOIN LATERAL (
    WITH unclear AS MATERIALIZED (
        SELECT id, line_at, status, hold_reason, event_type_id, event_type_slug, username, team_slug, organization_slug
        FROM appointments
        WHERE outcome_unknown AND error_type IN ('http_500', 'http_other', 'database', 'unreadable')
            AND hold_reason IS DISTINCT FROM 'blind_key' AND hold_reason IS DISTINCT FROM 'suspect' -- for days, perhaps
            AND account_id = own.account_id
    ),
    failing AS MATERIALIZED (
        SELECT DISTINCT event_type_id, event_type_slug, username, team_slug, organization_slug FROM unclear
    ),
    sound AS (
        (SELECT id, line_at FROM appointments AS one
         WHERE account_id = own.account_id AND status = 'held' AND hold_reason = 'breaker_open'
             AND NOT (:postable AND outcome_unknown) AND probe_failures = 0
             AND NOT EXISTS (
                 SELECT FROM failing AS type
                 WHERE (type.event_type_id, type.event_type_slug, type.username, type.team_slug, type.organization_slug)
                     IS NOT DISTINCT FROM
                     (one.event_type_id, one.event_type_slug, one.username, one.team_slug, one.organization_slug)
                 OFFSET 0 -- as a filter, row by row: as a join it would be planned to read the whole line, and sort it
             )
             AND NOT (ahead > 0 AND NOT outcome_unknown AND asked_before(id, start_at, line_at, 1) > 0)
         ORDER BY line_at, id LIMIT :limit)
        UNION ALL
        (SELECT id, line_at FROM appointments
         WHERE account_id = own.account_id AND status = 'held' AND hold_reason = 'throttled'
             AND NOT (:postable AND outcome_unknown) AND probe_failures = 0
             AND NOT (ahead > 0 AND NOT outcome_unknown AND asked_before(id, start_at, line_at, 1) > 0)
         ORDER BY line_at, id LIMIT :limit)
    ),
    failed AS (
        SELECT id, line_at FROM unclear
        WHERE NOT :postable AND hold_reason = 'breaker_open'
            AND NOT EXISTS (SELECT FROM unclear WHERE status IN ('pending', 'booking'))
        ORDER BY line_at, id LIMIT 1
    ),
    rest AS (
        SELECT id, line_at, probe_failures FROM appointments
        WHERE (SELECT count(*) FROM sound) < :limit
            AND account_id = own.account_id AND status = 'held' AND hold_reason IN ('breaker_open', 'throttled')
            AND NOT (:postable AND outcome_unknown) AND (hold_reason = 'breaker_open' OR probe_failures > 0)
            AND NOT (ahead > 0 AND NOT outcome_unknown AND asked_before(id, start_at, line_at, 1) > 0)
        ORDER BY probe_failures, line_at, id LIMIT 2 * :limit
    ),
    line AS (
        SELECT id, line_at, 0 AS probe_failures, CASE WHEN row_number() OVER (ORDER BY line_at, id) = 1 THEN 1 ELSE 3 END AS place
        FROM sound
        UNION ALL
        SELECT id, line_at, 0, 2 FROM failed
        UNION ALL
        SELECT id, line_at, probe_failures, 4 FROM rest
    )
    SELECT id, min(place) AS place, min(probe_failures) AS failures, min(line_at) AS line_at
    FROM line
    GROUP BY id
    ORDER BY min(place), min(probe_failures), min(line_at), id
    LIMIT :limit
) AS one
ORDER BY own.number, one.place, one.failures, one.line_at, one.id
