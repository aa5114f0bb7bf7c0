-- Find the bookings that wait for the breaker or for the rate limit, in the order of the line (line_at, which
-- insert_appointments.sql gives); a booking that failed as a probe goes behind the others. Nothing is locked here: between this and release_these.sql the breaker is asked, and no lock is
-- ever held across a network call. One arm a reason, so that the index (hold_reason, line_at) gives the order and
-- 100,000 held rows cost no more than a hundred.
-- Failed probes are read only when the others are fewer than the limit: no index is ordered by them.
-- postable: in half-open only a booking that may be posted now can be the probe, never a look.
WITH oldest AS (
    (SELECT id, line_at, probe_failures FROM appointments
     WHERE status = 'held' AND hold_reason = 'breaker_open' AND NOT (:postable AND outcome_unknown)
         AND probe_failures = 0
     ORDER BY line_at, id LIMIT :limit)
    UNION ALL
    (SELECT id, line_at, probe_failures FROM appointments
     WHERE status = 'held' AND hold_reason = 'throttled' AND NOT (:postable AND outcome_unknown)
         AND probe_failures = 0
     ORDER BY line_at, id LIMIT :limit)
),
failed AS (
    SELECT id, line_at, probe_failures FROM appointments
    WHERE (SELECT count(*) FROM oldest) < :limit
        AND status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND NOT (:postable AND outcome_unknown)
        AND probe_failures > 0
    ORDER BY probe_failures, line_at, id LIMIT :limit
)
SELECT id FROM (SELECT * FROM oldest UNION ALL SELECT * FROM failed) AS line
ORDER BY probe_failures, line_at, id LIMIT :limit
