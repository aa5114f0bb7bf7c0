-- Find the bookings of an event type that go, now that a look has found it: the first in line. If one of them met "no
-- such event type" since the look before (:looked_before), that look was wrong, and this one may be: then only the
-- booking goes that is held the longest. So a wrong look costs a POST a minute, not one a row.
-- Nothing is locked here: release_these.sql locks them, and passes over what has moved on.
WITH missing AS (
    SELECT id, line_at, held_at, hold_until
    FROM appointments
    WHERE status = 'held' AND hold_reason = 'configuration' AND held_for = :settings AND account_id = :account
        AND error_type = 'no_event_type' AND NOT outcome_unknown
        AND /* event_type */ = :event_type
)
SELECT id
FROM missing
WHERE hold_until <= now()
    AND (
        NOT EXISTS (SELECT FROM missing WHERE held_at > :looked_before)
        OR id = (SELECT id FROM missing WHERE hold_until <= now() ORDER BY held_at, id LIMIT 1)
    )
ORDER BY line_at, id
LIMIT :limit
