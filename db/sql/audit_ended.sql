-- Read the bookings that start in a range and ended, not confirmed, after their outcome had once been unknown (`sent_at`
-- stays), a batch at a time: after the last one's start and id. A plain read.
SELECT *
FROM appointments
WHERE status IN ('rejected', 'failed', 'expired', 'cancelled')
    AND sent_at IS NOT NULL
    AND (start_at, id) > (:after_at, :after_id)
    AND start_at < :end
ORDER BY start_at, id
LIMIT :limit
