-- Count what was asked for an account in a period, by day (UTC), state, and what it ended for. A period's bookings are those
-- that were asked for in it, as in report_bookings.sql.
SELECT
    CAST(requested_at AT TIME ZONE 'UTC' AS date) AS day,
    status,
    CASE WHEN status IN ('rejected', 'failed', 'expired') THEN error_type END AS error_type,
    count(*) AS bookings
FROM appointments
WHERE requested_at >= :since AND requested_at < :until AND account_id = :account
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
