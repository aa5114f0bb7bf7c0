-- Of a booking (`appointment`): its changes, in the order in which they were asked for, as JSON. A wish that was not read yet is
-- the newest. Null: there are none.
(
    SELECT CAST(jsonb_agg(to_jsonb(change) - 'place' - 'id' ORDER BY place, id) AS text)
    FROM (
        SELECT
            0 AS place, id, kind, status, CASE WHEN kind = 'reschedule' THEN start_at END AS start_at, requested_at,
            idempotency_key, hold_reason, held_for, outcome_unknown, last_error, scope, week
        FROM /* schema */booking_changes
        WHERE appointment_id = appointment.id
        UNION ALL
        SELECT 1, id, kind, 'waiting', start_at, created_at, idempotency_key, NULL, NULL, NULL, NULL, NULL, NULL
        FROM /* schema */change_wishes
        WHERE appointment_id = appointment.id
    ) AS change
)
