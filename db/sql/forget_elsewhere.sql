-- Take a person's address, number and name (:names, patterns of db/whole_words.py) out of what operators wrote about the breaker and out
-- of incidents; and the correlation ids of forgotten bookings (:correlations, of the bookings :ids), which may name anybody, out
-- of what the breaker and the failures have of the last call.
WITH overrides AS (
    UPDATE breaker_overrides SET why = 'forgotten' WHERE why ~ ANY(CAST(:names AS text[]))
),
incidents AS (
    UPDATE alert_incidents
    SET message = CASE WHEN message ~ ANY(CAST(:names AS text[])) THEN 'forgotten' ELSE message END,
        detail = (
            SELECT coalesce(jsonb_object_agg(name, value), '{}') FROM jsonb_each(detail) AS fact (name, value)
            WHERE NOT CAST(value AS text) ~ ANY(CAST(:names AS text[]))
        )
    WHERE concat_ws(' ', message, detail) ~ ANY(CAST(:names AS text[]))
),
audits AS (
    UPDATE nightly_audits SET unfinished = 'forgotten' WHERE unfinished ~ ANY(CAST(:names AS text[]))
),
forgotten AS (
    SELECT correlation_id, jsonb_build_object('correlation_id', 'forgotten-' || id) AS instead
    FROM unnest(CAST(:correlations AS text[]), CAST(:ids AS bigint[])) AS booking (correlation_id, id)
),
failures AS (
    UPDATE failure_metrics
    SET last_error_context = last_error_context || forgotten.instead
    FROM forgotten
    WHERE last_error_context ->> 'correlation_id' = forgotten.correlation_id
)
UPDATE circuit_breaker_events
SET context = (
    SELECT coalesce(jsonb_object_agg(name, value), '{}') FROM jsonb_each(context) AS fact (name, value)
    WHERE NOT CAST(value AS text) ~ ANY(CAST(:names AS text[]))
) || coalesce((
    SELECT forgotten.instead FROM forgotten WHERE forgotten.correlation_id = context ->> 'correlation_id' LIMIT 1
), '{}')
WHERE context ->> 'correlation_id' = ANY(CAST(:correlations AS text[]))
    OR context ? 'why' AND CAST(context AS text) ~ ANY(CAST(:names AS text[]))
