-- Lock the open changes of an account that nobody is sending, each with its booking, which is locked first, as by everybody.
-- SKIP LOCKED: the account is locked here, and who has locked a booking may wait for that, to have a wish kept.
SELECT change.*
FROM booking_changes AS change
JOIN appointments AS booking ON booking.id = change.appointment_id
WHERE change.account_id = :account AND change.status IN ('waiting', 'pending', 'retrying', 'held')
ORDER BY change.id
FOR NO KEY UPDATE OF booking, change SKIP LOCKED
