-- Find recurring bookings whose weeks at Cal.com are to be counted: those whose POST was refused, or not answered, in the
-- middle. One whose POST was answered with all its weeks has no `ends_at`, and costs no call. A plain read; count_series
-- writes, once.
SELECT *
FROM appointments
WHERE status = 'confirmed' AND series_uid IS NOT NULL AND series_weeks IS NULL AND ends_at <= now()
ORDER BY ends_at, id
LIMIT :limit
