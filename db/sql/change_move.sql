-- Move a change if it is still where it is expected; its event, in its booking's story, stands if and only if it moved. The
-- caller says what else is written, and where the change is expected.
-- The booking is locked first, as by everybody: who has locked it decides about its changes, and the caller writes into the
-- booking next.
WITH booking AS (
    SELECT id AS booking_id
    FROM appointments
    WHERE id = (SELECT appointment_id FROM booking_changes WHERE id = :change_id)
    FOR NO KEY UPDATE
),
changed AS (
    UPDATE booking_changes
    SET status = :to,
        updated_at = now(),
        claim_token = NULL,
        lease_expires_at = NULL,
        /* changes */
    FROM booking
    WHERE id = :change_id AND appointment_id = booking_id AND /* conditions */
    RETURNING id, appointment_id, kind
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT appointment_id, 'change_' || CAST(:to AS text), :by, jsonb_build_object('change', id, 'what', kind) || :detail
    FROM changed
)
SELECT id FROM changed
