-- Take up deliveries whose sink has not had the newest message, and put their next attempt a lease away: the
-- process that gets a row sends it. If that dies between sending and recording, the next one sends it after the lease: the
-- sink then gets the message twice, but never not at all.
-- A sink that was away gets the newest message only, and nothing of what ended more than a day ago.
-- Those that were tried least go first: a sink that hangs must not fill every turn with its old messages.
-- SKIP LOCKED: any number of senders share the work.
WITH due AS (
    SELECT delivery.incident_id, delivery.sink
    FROM alert_deliveries AS delivery
    JOIN alert_incidents AS incident ON incident.id = delivery.incident_id
    WHERE incident.news > delivery.news
      AND delivery.sink = ANY(:sinks)
      AND delivery.next_attempt_at <= now()
      AND (incident.closed_at IS NULL OR incident.closed_at > now() - interval '1 day')
    ORDER BY delivery.attempts, incident.news_at, delivery.incident_id
    LIMIT :limit
    FOR UPDATE OF delivery SKIP LOCKED
)
UPDATE alert_deliveries AS delivery
SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => :lease_seconds)
FROM due
JOIN alert_incidents AS incident ON incident.id = due.incident_id
WHERE delivery.incident_id = due.incident_id AND delivery.sink = due.sink
RETURNING
    delivery.incident_id, delivery.sink, incident.news, incident.message, incident.closed_at IS NOT NULL AS resolved,
    delivery.attempts
