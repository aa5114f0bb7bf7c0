-- Look how far bookings and events have come. The moment is that at which this statement came in: whatever was written
-- before it stands at or below what the next look sees, once who writes now is done.
UPDATE counted_bookings
SET whole_at = seen_at,
    seen_at = statement_timestamp(),
    seen_event_id = coalesce((SELECT max(id) FROM appointment_events), 0),
    seen_appointment_id = coalesce((SELECT max(id) FROM appointments), 0),
    writers = ARRAY(/* writers */),
    counted_until = whole_at
