-- Say whether an account's Cal.com was ever seen to have this event type: a key of it has read what it is or was told its number, or a booking
-- of it is confirmed. That a key was shown nothing of it is kept as well (kind unknown, no number), and says nothing.
-- A plain read.
SELECT
    EXISTS (
        SELECT FROM calcom_event_types
        WHERE event_type = :event_type AND account_id = :account AND (kind <> 'unknown' OR calcom_id IS NOT NULL)
    )
    OR EXISTS (
        SELECT FROM appointments
        WHERE status = 'confirmed'
            AND account_id = :account
            AND /* event_type */ = :event_type
    )
