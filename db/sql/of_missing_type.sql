-- Find bookings that wait for an event type that Cal.com did not have (missing_type.sql) and may be tried again: the first
-- in line of this type. Nothing is locked here: release_these.sql locks them, and passes over what has moved on.
SELECT id
FROM appointments
WHERE status = 'held' AND hold_reason = 'configuration' AND held_for = :settings
    AND error_type = 'no_event_type' AND NOT outcome_unknown AND hold_until <= now()
    AND /* event_type */ = :event_type
ORDER BY line_at, id
LIMIT :limit
