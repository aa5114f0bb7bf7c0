-- Name the accounts whose bookings are held because no worker can decrypt their key. A plain read of one range of an index,
-- for which nothing is held as a rule.
SELECT account.name
FROM calcom_accounts AS account
WHERE account.id IN (
    SELECT account_id FROM appointments WHERE status = 'held' AND hold_reason = 'credentials' AND held_for = :held_for
)
ORDER BY account.name
