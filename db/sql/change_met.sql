-- Read what a wish meets at a booking: Postgres's time, its account's name, whether that is open, and its changes that are not
-- over or have the wish's key (:key). A statement of its own, after the one that has locked the booking: of two wishes at once
-- the second sees what the first has stored, and a statement sees what was committed when it began.
-- The account stays open until the transaction ends: `booking accounts close` waits, and then counts the wish. Not account 1,
-- which is never closed: its wishes lock nothing more.
WITH kept AS (
    SELECT state
    FROM calcom_accounts
    WHERE id = :account_id AND id <> 1
    FOR KEY SHARE
)
SELECT now() AS moment, account.name AS account, coalesce((SELECT state <> 'closed' FROM kept), true) AS is_open, change.*
FROM calcom_accounts AS account
LEFT JOIN (
    SELECT idempotency_key = :key AS is_keyed, /* columns */
    FROM booking_changes
    WHERE appointment_id = :appointment_id
        AND (status IN ('waiting', 'pending', 'changing', 'retrying', 'held') OR idempotency_key = :key)
) AS change ON true
WHERE account.id = :account_id
ORDER BY change.id
