-- Read what a wish meets at a booking: Postgres's time, its account's name, and its changes that are not over or have the
-- wish's key (:key). A statement of its own, after the one that has locked the booking: of two wishes at once the second
-- sees what the first has stored, and a statement sees what was committed when it began.
SELECT now() AS moment, account.name AS account, change.*
FROM calcom_accounts AS account
LEFT JOIN (
    SELECT idempotency_key = :key AS is_keyed, /* columns */
    FROM booking_changes
    WHERE appointment_id = :appointment_id
        AND (status IN ('waiting', 'pending', 'changing', 'retrying', 'held') OR idempotency_key = :key)
) AS change ON true
WHERE account.id = :account_id
ORDER BY change.id
