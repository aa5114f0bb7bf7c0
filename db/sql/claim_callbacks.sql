-- Give workers the callbacks that are due: at most :at_once to a host at any time, one to a host that has failed
-- :threshold times in a row, none to one that rests. A lease (`next_at`) says until when a worker has it: if the worker dies
-- between sending and recording, it is sent again after that.
-- From host to host by the index, and in each only what is due: a dead host's backlog is not read at each tick.
-- The caller holds a lock, for two of these would both count a host's free places. Who records the end of a callback does not:
-- so the time is compared again under the lock of the row, and the rows are locked in the order of all (db/callbacks.py).
WITH RECURSIVE waiting (host) AS (
    (SELECT host FROM callbacks WHERE next_at IS NOT NULL ORDER BY host LIMIT 1)
    UNION ALL
    SELECT (
        SELECT one.host FROM callbacks AS one
        WHERE one.next_at IS NOT NULL AND one.host > waiting.host ORDER BY one.host LIMIT 1
    )
    FROM waiting
    WHERE waiting.host IS NOT NULL
),
free AS (
    SELECT waiting.host, CASE WHEN failures >= :threshold THEN 1 ELSE :at_once END - (
        SELECT count(*) FROM callbacks AS one
        WHERE one.host = waiting.host AND one.is_sending AND one.next_at > now()
    ) AS places
    FROM waiting
    LEFT JOIN callback_hosts AS known ON known.host = waiting.host
    WHERE waiting.host IS NOT NULL AND coalesce(known.rests_until <= now(), true)
),
chosen AS (
    SELECT due.id
    FROM free
    CROSS JOIN LATERAL (
        SELECT one.id FROM callbacks AS one
        WHERE one.host = free.host AND one.next_at <= now()
        ORDER BY one.next_at
        LIMIT greatest(free.places, 0)
    ) AS due
),
locked AS (
    SELECT callback.id
    FROM callbacks AS callback
    JOIN chosen ON chosen.id = callback.id
    WHERE callback.next_at <= now()
    ORDER BY callback.id
    FOR UPDATE OF callback
)
UPDATE callbacks AS callback
SET is_sending = true, claims = claims + 1, next_at = now() + make_interval(secs => :lease_seconds)
FROM locked
WHERE callback.id = locked.id
RETURNING callback.id, callback.claims
