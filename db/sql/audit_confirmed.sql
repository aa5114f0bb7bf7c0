-- Read the confirmed bookings that start in a range, a batch at a time: after the last one's start and id. A plain read.
SELECT *
FROM appointments
WHERE status = 'confirmed' AND (start_at, id) > (:after_at, :after_id) AND start_at < :end
ORDER BY start_at, id
LIMIT :limit
