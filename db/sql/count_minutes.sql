-- Add the bookings and the events of a range of ids to the minute in which each was written, and to the totals of all
-- time, in one transaction: both count the same events, and each id once. A confirmation's wait begins with the request.
-- A hold has `denied_for` where the booking was denied its call, and nothing was posted before (tasks/work/decisions.py).
WITH told AS (
    SELECT
        date_trunc('minute', event.created_at) AS minute,
        event.kind,
        CASE WHEN event.kind = 'pending' THEN event.detail ->> 'held' END AS released,
        event.detail ->> 'denied_for' AS denied,
        event.by = 'sweeper' AND event.detail ? 'leases_lost' AS is_rescued,
        CASE
            WHEN event.kind = 'confirmed' THEN extract(epoch FROM event.created_at - appointment.requested_at)
        END AS seconds
    FROM appointment_events AS event
    JOIN appointments AS appointment ON appointment.id = event.appointment_id
    WHERE event.id > :event_after AND event.id <= :event_until
        AND event.kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled', 'retrying', 'pending', 'held')
),
counted AS (
    SELECT minute, kind, count(*) AS count
    FROM told
    WHERE kind NOT IN ('pending', 'held')
    GROUP BY minute, kind
    UNION ALL
    SELECT date_trunc('minute', created_at), 'accepted', count(*)
    FROM appointments
    WHERE id > :appointment_after AND id <= :appointment_until
    GROUP BY 1
),
totals AS (
    INSERT INTO metric_totals AS total (name, labels, value)
    SELECT name, labels, sum(count)
    FROM (
        SELECT 'accepted' AS name, CAST('{}' AS text[]) AS labels, count FROM counted WHERE kind = 'accepted'
        UNION ALL
        SELECT 'retries', '{}', count FROM counted WHERE kind = 'retrying'
        UNION ALL
        SELECT 'released', ARRAY[released], 1 FROM told WHERE released IS NOT NULL
        UNION ALL
        SELECT 'finished', ARRAY[kind], count FROM counted WHERE kind NOT IN ('accepted', 'retrying')
        UNION ALL
        SELECT 'wait_seconds', ARRAY[CAST(1 + bucket.place AS text)], 1
        FROM told
        CROSS JOIN LATERAL (
            SELECT count(*) AS place FROM unnest(CAST(:bounds AS float8[])) AS bound WHERE seconds > bound
        ) AS bucket
        WHERE seconds IS NOT NULL
        UNION ALL
        SELECT 'wait_seconds_sum', '{}', greatest(seconds, 0) FROM told WHERE seconds IS NOT NULL
        UNION ALL
        SELECT 'breaker_not_permitted', ARRAY[denied], 1 FROM told WHERE denied IS NOT NULL
        UNION ALL
        SELECT 'rescued', ARRAY['lease'], 1 FROM told WHERE is_rescued
    ) AS one
    GROUP BY name, labels
    ORDER BY name, labels
    ON CONFLICT (name, labels) DO UPDATE SET value = total.value + excluded.value
)
INSERT INTO booking_minutes AS kept (minute, accepted, confirmed, rejected, failed, expired, cancelled, retries)
SELECT
    minute,
    coalesce(sum(count) FILTER (WHERE kind = 'accepted'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'confirmed'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'rejected'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'failed'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'expired'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'cancelled'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'retrying'), 0)
FROM counted
GROUP BY minute
ORDER BY minute
ON CONFLICT (minute) DO UPDATE
SET accepted = kept.accepted + excluded.accepted,
    confirmed = kept.confirmed + excluded.confirmed,
    rejected = kept.rejected + excluded.rejected,
    failed = kept.failed + excluded.failed,
    expired = kept.expired + excluded.expired,
    cancelled = kept.cancelled + excluded.cancelled,
    retries = kept.retries + excluded.retries
