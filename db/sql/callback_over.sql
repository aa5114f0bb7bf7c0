-- Make the next callback of a booking due, now that the one before it is delivered or given up. The caller has the
-- booking's row locked, as a move has that writes a callback: so neither misses the other.
UPDATE callbacks
SET next_at = now()
WHERE id = (
    SELECT one.id FROM callbacks AS one
    WHERE one.appointment_id = :appointment_id AND one.delivered_at IS NULL AND one.given_up_at IS NULL
    ORDER BY one.sequence
    LIMIT 1
) AND next_at IS NULL
