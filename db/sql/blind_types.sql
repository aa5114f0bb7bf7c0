-- Find one booking for each event type that this key's blindness holds: Cal.com is asked once a type, not once a booking.
-- A plain read: nothing moves before visibility is proven, and then release_due.sql moves it.
SELECT DISTINCT ON (event_type_id, coalesce(team_slug, username), event_type_slug) *
FROM appointments
WHERE status = 'held' AND hold_reason = 'blind_key' AND held_for = :key
ORDER BY event_type_id, coalesce(team_slug, username), event_type_slug, requested_at
