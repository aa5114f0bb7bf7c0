-- Add to each minute the bookings and the events of a range of ids: each id once, whenever it was written, to the minute
-- in which it was. How long a confirmation took counts from the request on. And to the totals, in the same transaction: of
-- a minute and of all time the same events are counted.
-- A hold has `denied_for` where the booking was denied its call, and nothing was posted before (tasks/decisions.py).
WITH told AS (
    SELECT
        date_trunc('minute', event.created_at) AS minute,
        event.kind,
        CASE WHEN event.kind = 'pending' THEN event.detail ->> 'held' END AS released,
        event.detail ->> 'denied_for' AS denied,
        event.by = 'sweeper' AND event.detail ? 'leases_lost' AS is_rescued,
        CASE
            WHEN event.kind = 'confirmed' THEN extract(epoch FROM event.created_at - appointment.requested_at)
        END AS seconds,
        CASE
            WHEN event.kind = 'confirmed' THEN 1 + (
                SELECT count(*)
                FROM unnest(CAST(:bounds AS float8[])) AS bound
                WHERE event.created_at - appointment.requested_at > make_interval(secs => bound)
            )
        END AS bucket
    FROM appointment_events AS event
    JOIN appointments AS appointment ON appointment.id = event.appointment_id
    WHERE event.id > :event_after AND event.id <= :event_until
        AND event.kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled', 'retrying', 'pending', 'held')
),
counted AS (
    SELECT minute, kind, released, bucket, count(*) AS count
    FROM told
    WHERE kind NOT IN ('pending', 'held') OR released IS NOT NULL
    GROUP BY minute, kind, released, bucket
    UNION ALL
    SELECT date_trunc('minute', created_at), 'accepted', NULL, NULL, count(*)
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
        SELECT 'released', ARRAY[released], count FROM counted WHERE kind = 'pending'
        UNION ALL
        SELECT 'finished', ARRAY[kind], count FROM counted WHERE kind NOT IN ('accepted', 'retrying', 'pending')
        UNION ALL
        SELECT 'wait_seconds', ARRAY[CAST(bucket AS text)], count FROM counted WHERE bucket IS NOT NULL
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
INSERT INTO booking_minutes AS kept (
    minute, accepted, confirmed, rejected, failed, expired, cancelled, retries, released, wait_buckets
)
SELECT
    minute,
    coalesce(sum(count) FILTER (WHERE kind = 'accepted'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'confirmed'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'rejected'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'failed'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'expired'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'cancelled'), 0),
    coalesce(sum(count) FILTER (WHERE kind = 'retrying'), 0),
    coalesce(jsonb_object_agg(released, count) FILTER (WHERE released IS NOT NULL), '{}'),
    ARRAY[
        coalesce(sum(count) FILTER (WHERE bucket = 1), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 2), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 3), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 4), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 5), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 6), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 7), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 8), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 9), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 10), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 11), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 12), 0),
        coalesce(sum(count) FILTER (WHERE bucket = 13), 0)
    ]
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
    retries = kept.retries + excluded.retries,
    released = (
        SELECT coalesce(jsonb_object_agg(reason, count), '{}')
        FROM (
            SELECT key AS reason, sum(CAST(value AS integer)) AS count
            FROM (SELECT * FROM jsonb_each_text(kept.released) UNION ALL SELECT * FROM jsonb_each_text(excluded.released)) AS entry
            GROUP BY key
        ) AS added
    ),
    wait_buckets = ARRAY(
        SELECT old + new
        FROM unnest(kept.wait_buckets, excluded.wait_buckets) WITH ORDINALITY AS bucket (old, new, place)
        ORDER BY place
    )
