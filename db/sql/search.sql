-- Find bookings by whatever a person has of one, of all accounts or of one (:account). A plain read, one arm an index: each
-- finds next to nothing, but for a correlation id, which one caller may give to many requests (of those the newest), and the
-- seats of one booking.
WITH found AS (
    SELECT id FROM appointments
    WHERE id = CAST(:id AS bigint) AND account_id = coalesce(CAST(:account AS integer), account_id)
    UNION
    SELECT id FROM appointments
    WHERE uuid = CAST(:uuid AS uuid) AND account_id = coalesce(CAST(:account AS integer), account_id)
    UNION
    SELECT id FROM appointments
    WHERE idempotency_key = :text AND account_id = coalesce(CAST(:account AS integer), account_id)
        AND NOT key_derived
    UNION
    SELECT id FROM appointments
    WHERE idempotency_key = :text AND account_id = coalesce(CAST(:account AS integer), account_id)
        AND key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
    UNION
    SELECT id FROM appointments
    WHERE idempotency_key = :text AND account_id = coalesce(CAST(:account AS integer), account_id)
        AND key_derived AND status IN ('rejected', 'failed', 'expired', 'cancelled')
    UNION
    (SELECT id FROM appointments
    WHERE calcom_booking_uid = :text AND account_id = coalesce(CAST(:account AS integer), account_id)
    LIMIT 1000)
    UNION
    (SELECT id FROM appointments
    WHERE correlation_id = :text AND account_id = coalesce(CAST(:account AS integer), account_id)
    ORDER BY id DESC LIMIT :limit)
)
SELECT
    id, status, /* held by */ AS hold_reason,
    /* event_type */ AS event_type,
    start_at, requested_at, held_at, hold_until, next_attempt_at, error_type, retry_count, outcome_unknown, updated_at,
    cancel_requested, booked_start_at, account_id
FROM found
JOIN appointments USING (id)
ORDER BY id DESC
LIMIT :limit
