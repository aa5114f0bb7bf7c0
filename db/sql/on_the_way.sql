-- What is on its way, each counted up to a cap: one range of the index (status, id) a state. Since when a pending one
-- waits says its last change: what was let go after an outage was asked for long ago, and waits since just now.
-- A state is asked for as a range, and its order too: else the planner may walk all ids until it has found enough.
SELECT pending.count AS pending, pending.oldest_at, booking.count AS booking, retrying.count AS retrying
FROM (
    SELECT count(*), min(updated_at) AS oldest_at
    FROM (
        SELECT updated_at FROM appointments
        WHERE status >= 'pending' AND status <= 'pending'
        ORDER BY status, id
        LIMIT :cap
    ) AS one
) AS pending
CROSS JOIN (
    SELECT count(*)
    FROM (
        SELECT FROM appointments WHERE status >= 'booking' AND status <= 'booking' ORDER BY status, id LIMIT :cap
    ) AS one
) AS booking
CROSS JOIN (
    SELECT count(*)
    FROM (
        SELECT FROM appointments WHERE status >= 'retrying' AND status <= 'retrying' ORDER BY status, id LIMIT :cap
    ) AS one
) AS retrying
