-- Flag held rows that were asked for longer ago than a caller should have to wait: once each, and they stay held.
-- By the time of request, for a hold that ends and begins again (a failed probe, another try) is still the same wait.
-- SKIP LOCKED: one that is being released needs no flag.
WITH late AS (
    SELECT id
    FROM /* rows */
    WHERE status = 'held'
      AND requested_at <= now() - make_interval(secs => :max_age_seconds)
      AND resilience_strategy IS DISTINCT FROM 'graceful_degradation'
    ORDER BY requested_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
flagged AS (
    UPDATE /* rows */ AS own
    SET resilience_strategy = 'graceful_degradation', updated_at = now()
    FROM late
    WHERE own.id = late.id
    RETURNING own.*, /* held by */ AS held_by
)
INSERT INTO appointment_events (appointment_id, kind, by, detail)
SELECT
    /* its booking */, /* event */ || 'degraded', 'sweeper',
    /* what */ jsonb_build_object('why', 'held too long', 'held', held_by, 'since', held_at)
FROM flagged
RETURNING appointment_id
