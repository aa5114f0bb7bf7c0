-- Whether somebody may be joining the booking whose seat a change gives up, perhaps the last one (seat_left.sql): a booking or a move to
-- its time is at work, or of unknown outcome as long as its POST may be at work.
-- Who is just claiming has its row locked, and counts as at work: either it has seen this change at work, or it is seen here. So
-- does whom a caller's transaction has locked; nobody is waited for.
-- It comes back as whether the outcome of one of them is unknown; NULL: nobody joins.
WITH leaving AS (
    SELECT change.id, change.from_uid, change.account_id, coalesce(seat.booked_start_at, seat.start_at) AS start_at, seat
    FROM booking_changes AS change
    JOIN appointments AS seat ON seat.id = change.appointment_id
    WHERE change.id = :change_id AND NOT EXISTS (
        SELECT FROM appointments AS beside
        WHERE beside.calcom_booking_uid = change.from_uid AND beside.status = 'confirmed' AND beside.id <> seat.id
    )
),
booked AS (
    SELECT joining.id
    FROM leaving
    JOIN appointments AS joining ON joining.account_id = leaving.account_id AND joining.start_at = leaving.start_at
    WHERE joining.ahead >= 0 AND joining.status IN ('pending', 'booking', 'retrying', 'held')
        AND (joining.event_type_id, joining.event_type_slug, joining.username, joining.team_slug, joining.organization_slug)
        IS NOT DISTINCT FROM (
            (seat).event_type_id, (seat).event_type_slug, (seat).username, (seat).team_slug, (seat).organization_slug
        )
),
free_bookings AS (
    SELECT id, status, outcome_unknown, settle_at
    FROM appointments
    WHERE id IN (SELECT id FROM booked)
    FOR SHARE SKIP LOCKED
),
moved AS (
    SELECT move.id
    FROM leaving
    JOIN booking_changes AS move ON move.account_id = leaving.account_id AND move.start_at = leaving.start_at
    JOIN appointments AS joining ON joining.id = move.appointment_id
    WHERE move.kind = 'reschedule' AND move.status IN ('pending', 'changing', 'retrying', 'held')
        AND move.id <> leaving.id
        AND (joining.event_type_id, joining.event_type_slug, joining.username, joining.team_slug, joining.organization_slug)
        IS NOT DISTINCT FROM (
            (seat).event_type_id, (seat).event_type_slug, (seat).username, (seat).team_slug, (seat).organization_slug
        )
),
free_moves AS (
    SELECT id, status, outcome_unknown, settle_at
    FROM booking_changes
    WHERE id IN (SELECT id FROM moved)
    FOR SHARE SKIP LOCKED
)
SELECT bool_or(coalesce(outcome_unknown, false))
FROM (
    SELECT status, outcome_unknown, settle_at FROM booked LEFT JOIN free_bookings USING (id)
    UNION ALL
    SELECT status, outcome_unknown, settle_at FROM moved LEFT JOIN free_moves USING (id)
) AS joining (status, outcome_unknown, settle_at)
WHERE status IS NULL OR status IN ('booking', 'changing') OR outcome_unknown AND settle_at > now()
