-- Whether a seat of a time is being given up, of an account and an event type, with which Cal.com may end the whole booking: it counts
-- the seats when the cancel comes, and ends what is there when it is carried out, with who has joined it meanwhile.
-- One that stands beside others of ours is not the last.
-- Given up: at work, or of unknown outcome as long as its POST may be at work.
-- It comes back as whether the outcome of one of them is unknown; NULL: there is none.
SELECT bool_or(leaving.outcome_unknown)
FROM booking_changes AS leaving
JOIN appointments AS seat ON seat.id = leaving.appointment_id
JOIN appointments AS joining ON joining.id = :appointment_id
WHERE (leaving.status = 'changing' OR leaving.outcome_unknown AND leaving.settle_at > now())
    AND leaving.from_seat_uid IS NOT NULL AND leaving.account_id = joining.account_id
    AND seat.id <> joining.id AND coalesce(seat.booked_start_at, seat.start_at) = :start_at
    AND (seat.event_type_id, seat.event_type_slug, seat.username, seat.team_slug, seat.organization_slug)
    IS NOT DISTINCT FROM
    (joining.event_type_id, joining.event_type_slug, joining.username, joining.team_slug, joining.organization_slug)
    AND NOT EXISTS (
        SELECT FROM appointments AS beside
        WHERE beside.calcom_booking_uid = leaving.from_uid AND beside.status = 'confirmed' AND beside.id <> seat.id
    )
