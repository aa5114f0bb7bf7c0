-- How long callers waited for their confirmation, in seconds, of the bookings that were asked for in a period.
-- From the story, not from updated_at: that moves again when a confirmed booking is found cancelled, say. Since the first
-- confirmation, should there be two. A LATERAL with LIMIT reads one short range of the story's index a booking; a join
-- would let the planner read all stories of all times.
SELECT
    count(*) AS confirmed,
    percentile_cont(CAST(:shares AS double precision[])) WITHIN GROUP (ORDER BY waited) AS seconds
FROM (
    SELECT extract(epoch FROM told.created_at - appointment.requested_at) AS waited
    FROM appointments AS appointment
    CROSS JOIN LATERAL (
        SELECT created_at
        FROM appointment_events
        WHERE appointment_id = appointment.id AND kind = 'confirmed'
        ORDER BY id
        LIMIT 1
    ) AS told
    WHERE appointment.requested_at >= :since AND appointment.requested_at < :until
        AND (CAST(:account AS integer) IS NULL OR appointment.account_id = :account)
) AS confirmed
