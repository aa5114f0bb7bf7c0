-- Take up the next wish that a client has stored, after a place (:after): the first one of its booking, so that the wishes of
-- one booking are decided in their order, by any number of dispatchers.
-- The booking is locked with it, as by everybody who decides about it. SKIP LOCKED: what somebody else has is for the next run.
-- A booking that was not dispatched yet (requested.sql) goes first: a move of it would hide it from the dispatcher.
SELECT wish.id, wish.appointment_id, wish.start_at, wish.reason, wish.idempotency_key, wish.created_at
FROM change_wishes AS wish
JOIN appointments AS booking ON booking.id = wish.appointment_id
WHERE wish.id > :after
    AND NOT (booking.status = 'pending' AND booking.enqueued_at IS NULL AND booking.updated_at = booking.created_at)
    AND NOT EXISTS (
        SELECT FROM change_wishes AS earlier
        WHERE earlier.appointment_id = wish.appointment_id AND earlier.id < wish.id
    )
ORDER BY wish.id
LIMIT 1
FOR UPDATE OF wish, booking SKIP LOCKED
