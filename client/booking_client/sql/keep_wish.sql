-- Store a wish to cancel or to move a booking (:start; null: to cancel it). It is a row of its own: the booking is read and not
-- locked, however long the caller's transaction stays open. Whether the wish is possible is decided after the commit, which
-- wakes the dispatcher.
WITH asked AS (
    SELECT coalesce(now() <= CAST(:not_after AS timestamptz), true) AS in_time
),
written AS (
    INSERT INTO /* schema */change_wishes (appointment_id, kind, start_at, reason, idempotency_key)
    SELECT
        booking.id,
        CASE WHEN wanted.start_at IS NULL THEN 'cancel' ELSE 'reschedule' END,
        wanted.start_at, CAST(:reason AS text), CAST(:key AS text)
    FROM asked
    CROSS JOIN (SELECT CAST(:start AS timestamptz) AS start_at) AS wanted
    JOIN /* schema */appointments AS booking ON booking.id = CAST(:id AS bigint)
    WHERE asked.in_time
    RETURNING appointment_id, created_at
),
notified AS (
    SELECT pg_notify('booking_requested', '')
    FROM written
)
SELECT asked.in_time, written.*
FROM asked
LEFT JOIN written ON true
LEFT JOIN notified ON true
