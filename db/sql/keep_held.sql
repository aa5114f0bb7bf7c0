-- Keep how many each reason holds, as it was just counted: one row a reason.
INSERT INTO held_now AS kept (
    reason, counted_at, count, at_risk, oldest_held_at, oldest_requested_at, first_start, next_until
)
SELECT reason, :counted_at, count, at_risk, oldest_held_at, oldest_requested_at, first_start, next_until
FROM unnest(
    CAST(:reasons AS text[]), CAST(:counts AS integer[]), CAST(:at_risk AS integer[]),
    CAST(:oldest_held_at AS timestamptz[]), CAST(:oldest_requested_at AS timestamptz[]),
    CAST(:first_start AS timestamptz[]), CAST(:next_until AS timestamptz[])
) AS counted (reason, count, at_risk, oldest_held_at, oldest_requested_at, first_start, next_until)
ON CONFLICT (reason) DO UPDATE
SET counted_at = excluded.counted_at,
    count = excluded.count,
    at_risk = excluded.at_risk,
    oldest_held_at = excluded.oldest_held_at,
    oldest_requested_at = excluded.oldest_requested_at,
    first_start = excluded.first_start,
    next_until = excluded.next_until
