-- Record, as an event too, that a booking is to be cancelled: of several that ask, one tells.
WITH changed AS (
    UPDATE appointments
    SET cancel_requested = true, updated_at = now()
    WHERE id = :appointment_id AND status = :expected AND NOT cancel_requested
    RETURNING id
)
INSERT INTO appointment_events (appointment_id, kind, by, detail)
SELECT id, 'cancel_requested', :by, :detail
FROM changed
RETURNING appointment_id
