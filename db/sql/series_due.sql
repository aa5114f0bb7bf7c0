-- Find recurring bookings whose weeks at Cal.com are to be counted. A plain read; count_series writes, once.
-- One that was confirmed without `ends_at` is counted ten minutes after its last change: longer than any POST works.
SELECT *
FROM appointments
WHERE status = 'confirmed' AND series_uid IS NOT NULL AND series_weeks IS NULL
    AND (ends_at <= now() OR ends_at IS NULL AND updated_at <= now() - interval '10 minutes')
ORDER BY ends_at, id
LIMIT :limit
