-- Find the one row, held since what answered was not Cal.com, that goes first when a harmless call is answered as it
-- should be: a page may meet POST alone, and then it costs one booking a try, not all of them.
-- One that may be posted at once, for only its POST tells; then one whose settle time has come, for its look may let it
-- be posted; then the one that was tried longest ago; then the first in the line.
-- Nothing is locked here: release_these.sql locks it, and passes over what has moved on.
SELECT id
FROM /* rows */
WHERE status = 'held' AND hold_reason = 'configuration' AND held_for = :settings AND account_id = :account
    AND (hold_until IS NULL OR hold_until <= now())
    AND /* of no type */
ORDER BY outcome_unknown, coalesce(settle_at > now(), false), hold_until NULLS FIRST, line_at, id
LIMIT 1
