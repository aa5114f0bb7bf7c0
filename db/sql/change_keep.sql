-- Store a change of a locked booking, with its event. :cancel_wanted: the row of a confirmed booking says that its cancel is asked
-- for; since when the booking is known to be there stays.
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
wanted AS (
    UPDATE appointments AS booking
    SET cancel_requested = true
    FROM stored
    WHERE booking.id = stored.appointment_id AND booking.status = 'confirmed' AND :cancel_wanted
)
SELECT /* columns */ FROM stored
