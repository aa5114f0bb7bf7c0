-- How much is held, or held for one reason, as the last count has found it; nothing once that is no longer new.
SELECT CAST(coalesce(sum(count), 0) AS bigint)
FROM held_now
WHERE (CAST(:reason AS text) IS NULL OR reason = :reason) AND counted_at > now() - interval '15 seconds'
