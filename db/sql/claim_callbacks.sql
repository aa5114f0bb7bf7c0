-- Give workers the callbacks that are due. What an API key is sent at a host is a receiver: it has :at_once places, and a
-- host :at_host for all of them, of which the receiver with the fewest callbacks under way has the next. A receiver that has
-- failed :threshold times in a row is tried by one callback at a time, and so are all that fail at a host together; where so
-- many that were well have failed in a row, all of the host are. Of these one that is well is first, and next the one that has
-- rested longest.
-- A lease (`next_at`) says until when a worker has a callback: if the worker dies between sending and recording, it is sent
-- again after that.
-- From receiver to receiver by the index, and of each only what is due: a dead one's backlog is not read at each tick.
-- The caller holds a lock, for two of these would both count a free place. Who records the end of a callback does not: so
-- the time is compared again under the lock of the row, and the rows are locked in the order of all (db/callbacks.py).
WITH RECURSIVE waiting (host, api_key_id) AS (
    (SELECT host, api_key_id FROM callbacks WHERE next_at IS NOT NULL ORDER BY host, api_key_id LIMIT 1)
    UNION ALL
    SELECT following.host, following.api_key_id
    FROM waiting
    CROSS JOIN LATERAL (
        SELECT one.host, one.api_key_id FROM callbacks AS one
        WHERE one.next_at IS NOT NULL AND (one.host, one.api_key_id) > (waiting.host, waiting.api_key_id)
        ORDER BY one.host, one.api_key_id
        LIMIT 1
    ) AS following
),
sending AS (
    SELECT host, api_key_id, count(*) AS number
    FROM callbacks
    WHERE is_sending AND next_at > now()
    GROUP BY host, api_key_id
),
known AS (
    SELECT
        host,
        api_key_id,
        greatest(own.failures, at_host.failures, 0) >= :threshold AS is_tried,
        own.rests_until,
        at_host.rests_until AS host_rests_until,
        coalesce(sending.number, 0) AS under_way
    FROM waiting
    LEFT JOIN callback_receivers AS own USING (host, api_key_id)
    LEFT JOIN callback_hosts AS at_host USING (host)
    LEFT JOIN sending USING (host, api_key_id)
),
free AS (
    SELECT
        *,
        CASE WHEN is_tried THEN 1 ELSE :at_once END - under_way AS places,
        CASE WHEN is_tried THEN 1 ELSE :at_host END
            - sum(under_way) OVER (PARTITION BY host, is_tried) AS host_places
    FROM known
),
due AS (
    SELECT
        one.id,
        host_places,
        row_number() OVER (
            PARTITION BY host, is_tried
            ORDER BY rests_until NULLS FIRST, under_way + one.turn, one.next_at
        ) AS turn
    FROM free
    CROSS JOIN LATERAL (
        SELECT callback.id, callback.next_at, row_number() OVER (ORDER BY callback.next_at) AS turn
        FROM callbacks AS callback
        WHERE callback.host = free.host AND callback.api_key_id = free.api_key_id AND callback.next_at <= now()
        ORDER BY callback.next_at
        LIMIT greatest(free.places, 0)
    ) AS one
    WHERE coalesce(rests_until <= now(), true) AND (NOT is_tried OR coalesce(host_rests_until <= now(), true))
),
locked AS (
    SELECT callback.id
    FROM callbacks AS callback
    JOIN due ON due.id = callback.id
    WHERE due.turn <= due.host_places AND callback.next_at <= now()
    ORDER BY callback.id
    FOR UPDATE OF callback
)
UPDATE callbacks AS callback
SET is_sending = true, claims = claims + 1, next_at = now() + make_interval(secs => :lease_seconds)
FROM locked
WHERE callback.id = locked.id
RETURNING callback.id, callback.claims
