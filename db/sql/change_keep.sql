-- Store a change of a locked booking, with its event. That it is open, a trigger writes into the booking's row. From a move
-- on the booking answers for the wanted start, too.
WITH stored AS (
    INSERT INTO booking_changes (
        appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, idempotency_key,
        correlation_id, task_id, scope, week, from_uid, from_seat_uid, enqueued_at, line_at, requested_at
    )
    VALUES (
        :appointment_id, :account_id, (SELECT service FROM calcom_accounts WHERE id = :account_id), :kind, :status,
        :start_at, :reason, :asked_by, :via, :idempotency_key,
        :correlation_id, :task_id, :scope, :week, :from_uid, :from_seat_uid, :enqueued_at, :line_at, :requested_at
    )
    RETURNING *
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT appointment_id, 'change_asked', asked_by, jsonb_build_object('change', id, 'what', kind, 'via', via) || :detail
    FROM stored
),
answered_for AS (
    INSERT INTO moved_starts (appointment_id, start_at, account_id, idempotency_key)
    SELECT appointment_id, start_at, account_id, CAST(:derived_key AS text)
    FROM stored
    WHERE kind = 'reschedule'
    ON CONFLICT DO NOTHING
)
SELECT /* columns */ FROM stored
