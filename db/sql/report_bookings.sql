-- Count the bookings of a period, of one account (:account) or of all, by how they stand, what helped them, and whether the first call to book was enough.
-- A period's bookings are those that were asked for in it: so two periods never share one, and a booking that is still
-- on its way is seen.
SELECT
    status,
    resilience_strategy,
    status = 'confirmed' AND retry_count = 0 AND posts <= 1 AS at_first,
    count(*) AS bookings
FROM appointments
WHERE requested_at >= :since AND requested_at < :until
    AND (CAST(:account AS integer) IS NULL OR account_id = :account)
GROUP BY 1, 2, 3
