-- What is held by which cause, as the last count of all has found it, in rows as held_causes.sql has them. No row: nobody has counted
-- lately, or no reason holds more than :cap, and held_causes.sql is to be asked. The same count has written held_now.
SELECT one.*
FROM causes_now AS kept
CROSS JOIN LATERAL jsonb_to_recordset(kept.rows) AS one (
    name text, service text, cause text, place integer, number integer, alike integer, since timestamptz, reason text,
    count integer, at_risk integer, oldest_held_at timestamptz, oldest_requested_at timestamptz, first_start timestamptz,
    next_until timestamptz, is_cut boolean
)
WHERE kept.counted_at > now() - interval '15 seconds'
    AND EXISTS (SELECT FROM held_now WHERE held_now.counted_at = kept.counted_at AND held_now.count > :cap)
ORDER BY one.place, one.number
