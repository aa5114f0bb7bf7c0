-- Take back the cancel of bookings whose caller has asked again: the newest wish counts. So wishes to cancel them that clients
-- have stored and nobody has read yet (keep_wish.sql) are deleted; a move of them stays.
-- Compared under the lock: a worker moves a booking to cancelled only while its cancel stands (moves.py). So either this
-- comes first and the booking goes on, or it finds nothing to take back, and the request is kept as a new one.
-- Locked in the order of ids, so that two of these never deadlock. `updated_at` of a confirmed one says since when that is
-- known. What comes after its caller was told that nobody knows takes nothing back.
WITH asked AS (
    /* in_time */
),
wanted AS (
    SELECT id
    FROM /* schema */appointments
    WHERE id = ANY (CAST(:ids AS bigint[]))
        AND (
            cancel_requested
            OR EXISTS (
                SELECT FROM /* schema */change_wishes AS wish
                WHERE wish.appointment_id = appointments.id AND wish.kind = 'cancel'
            )
        )
        AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
    ORDER BY id
    FOR UPDATE
),
changed AS (
    UPDATE /* schema */appointments
    SET cancel_requested = false,
        updated_at = CASE WHEN status = 'confirmed' OR NOT cancel_requested THEN updated_at ELSE now() END
    FROM asked
    WHERE in_time AND id IN (SELECT id FROM wanted)
    RETURNING /* columns */
),
unread AS (
    DELETE FROM /* schema */change_wishes
    WHERE appointment_id IN (SELECT id FROM changed) AND kind = 'cancel'
),
told AS (
    INSERT INTO /* schema */appointment_events (appointment_id, kind, by, detail)
    SELECT id, 'cancel_taken_back', 'caller', '{"why": "asked for again"}'
    FROM changed
)
SELECT asked.in_time, changed.*
FROM asked
LEFT JOIN changed ON true
