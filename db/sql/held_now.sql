-- What each reason holds, counted here and now up to a cap. Of a reason of which the last count found more than
-- that nothing is read here: its count is a few seconds old, and costs the same however many are held.
-- One descent of the index appointments_held_by a reason.
SELECT
    one.reason,
    kept.reason IS NOT NULL AS is_kept,
    CASE WHEN kept.reason IS NULL THEN live.count ELSE kept.count END AS count,
    CASE WHEN kept.reason IS NULL THEN live.at_risk ELSE kept.at_risk END AS at_risk,
    coalesce(kept.oldest_held_at, live.oldest_held_at) AS oldest_held_at,
    coalesce(kept.oldest_requested_at, live.oldest_requested_at) AS oldest_requested_at,
    coalesce(kept.first_start, live.first_start) AS first_start,
    coalesce(kept.next_until, live.next_until) AS next_until
FROM unnest(CAST(:reasons AS text[])) AS one (reason)
LEFT JOIN held_now AS kept
    ON kept.reason = one.reason AND kept.count > :cap AND kept.counted_at > now() - interval '15 seconds'
CROSS JOIN LATERAL (
    SELECT
        count(*) AS count,
        count(*) FILTER (WHERE start_at <= now() + make_interval(secs => :near_seconds)) AS at_risk,
        min(held_at) AS oldest_held_at,
        min(requested_at) AS oldest_requested_at,
        min(start_at) AS first_start,
        min(hold_until) AS next_until
    FROM (
        SELECT start_at, held_at, requested_at, hold_until
        FROM appointments
        WHERE status = 'held' AND (/* held by */) = one.reason
        ORDER BY requested_at, id
        LIMIT CASE WHEN kept.reason IS NULL THEN :cap + 1 ELSE 0 END
    ) AS first
) AS live
WHERE live.count > 0 OR kept.reason IS NOT NULL
