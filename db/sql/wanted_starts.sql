-- Read which starts of an event type of an account are claimed by requests that are on the way to them, in a period, where the type takes one
-- booking for a time (db/migrations/initial/times.sql), and how long each lasts: as its request says, else as Cal.com has shown its
-- type last (zero: not known). What begins before the period may reach into it: so those starts are read that are as long before. A move claims
-- its wanted start.
WITH type AS (
    SELECT coalesce((
        SELECT length_minutes
        FROM calcom_event_types
        WHERE event_type = CAST(CAST(:event_type AS bigint) AS text) AND account_id = :account AND length_minutes IS NOT NULL
        ORDER BY asked_at DESC
        LIMIT 1
    ), 0) AS minutes
    WHERE takes_one(:account, CAST(CAST(:event_type AS bigint) AS text))
)
SELECT booking.start_at, make_interval(mins => coalesce(booking.length_in_minutes, type.minutes)) AS length
FROM type
JOIN appointments AS booking ON booking.ahead >= 0 AND booking.status IN ('pending', 'booking', 'retrying', 'held')
    AND booking.account_id = :account AND booking.event_type_id = :event_type
    AND booking.start_at >= CAST(:begin AS timestamptz) - make_interval(mins => type.minutes)
    AND booking.start_at < CAST(:end AS timestamptz)
    AND is_on_the_way(booking)
UNION
SELECT move.start_at, make_interval(mins => coalesce(booking.length_in_minutes, type.minutes))
FROM type
JOIN booking_changes AS move ON move.kind = 'reschedule' AND move.status IN ('pending', 'changing', 'retrying', 'held')
    AND move.account_id = :account
    AND move.start_at >= CAST(:begin AS timestamptz) - make_interval(mins => type.minutes)
    AND move.start_at < CAST(:end AS timestamptz)
JOIN appointments AS booking ON booking.id = move.appointment_id
    AND booking.event_type_id = :event_type AND NOT booking.cancel_requested
