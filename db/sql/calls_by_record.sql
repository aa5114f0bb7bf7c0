-- Count how the workers' calls of the last moments ended at each Cal.com, by the bookings alone: the newest events are read
-- backwards by their key, so that a look reads the same however many are kept. A plain read. What a booking was held for is the last
-- error of its row: one that waits for a breaker has met the trouble itself, or it has none.
SELECT
    service,
    count(*) FILTER (WHERE ended OR failed) AS calls,
    count(*) FILTER (WHERE failed) AS failed
FROM (
    SELECT
        account.service,
        newest.kind IN ('confirmed', 'rejected') AS ended,
        newest.kind IN ('retrying', 'held', 'failed')
        AND appointments.error_type = ANY (CAST(:failed AS text[])) AS failed
    FROM (
        SELECT appointment_id, kind, by, created_at FROM appointment_events ORDER BY id DESC LIMIT 1000
    ) AS newest
    JOIN appointments ON appointments.id = newest.appointment_id
    JOIN calcom_accounts AS account ON account.id = appointments.account_id
    WHERE newest.created_at >= :since AND newest.by = 'worker'
) AS calls
WHERE ended OR failed
GROUP BY service
