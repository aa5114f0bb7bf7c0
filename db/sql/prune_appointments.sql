-- Delete bookings that ended before a moment, with their story (ON DELETE CASCADE). Never one that lives, and none whose
-- slot was later than that moment: the row is what makes the same key give the same receipt, and once the slot has passed
-- the request cannot be made again anyway (a start in the past is refused). So nothing is booked twice for want of a row.
-- The state is looked at again under the lock: a failed booking that the operator is just sending again stays.
-- Oldest first by id, as in prune_failure_metrics.sql.
WITH oldest AS (
    SELECT id, created_at
    FROM appointments
    WHERE id > :after
    ORDER BY id
    LIMIT :limit
),
spent AS (
    SELECT appointment.id
    FROM appointments AS appointment
    JOIN oldest USING (id)
    WHERE appointment.status IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')
      AND appointment.updated_at < :before
      AND appointment.start_at < :before
    FOR UPDATE OF appointment SKIP LOCKED
),
deleted AS (
    DELETE FROM appointments AS appointment
    USING spent
    WHERE appointment.id = spent.id
    RETURNING appointment.id
)
SELECT
    (SELECT count(*) FROM deleted) AS deleted,
    coalesce(max(id), 0) AS last,
    count(*) = :limit AND max(created_at) < :before AS more
FROM oldest
