-- Move a booking if it is still where it is expected; its event stands if and only if it moved. The caller says what else
-- is written, and where the booking is expected.
-- Of several in one transaction, one that somebody has locked does not move, so that the others need not wait for it.
-- Of a confirmation, those who wait for its time end with it (taken.sql).
-- Who asked for a cancel must hear that it is booked, unless the change that waits cancels it there.
WITH changed AS (
    UPDATE appointments
    SET status = :to,
        updated_at = now(),
        claim_token = NULL,
        lease_expires_at = NULL,
        /* changes */
    WHERE id = :appointment_id AND /* unlocked */ /* conditions */
    RETURNING id, account_id, event_type_id, event_type_slug, username, team_slug, organization_slug, start_at, booked_start_at,
        length_in_minutes, awaits_host, cancel_requested, move_requested
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT id, :to, :by, :detail FROM changed WHERE :told
    UNION ALL
    SELECT id, 'cancel_there', :by, '{}' FROM changed WHERE :told AND :to = 'confirmed' AND cancel_requested
        AND NOT EXISTS (SELECT FROM booking_changes WHERE appointment_id = changed.id AND status = 'waiting')
)
/* taken */
SELECT id FROM changed
