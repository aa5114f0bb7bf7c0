-- Take up changes whose message was never sent, or is gone, and count them as enqueued now: as unsent.sql does for bookings.
-- Gone: it has been due for a while, and the queue is empty. A
-- second message for one change finds nothing to claim.
WITH gone AS (
    SELECT id
    FROM booking_changes
    WHERE status IN ('pending', 'retrying')
        AND coalesce(next_attempt_at <= now(), true)
        AND (
            enqueued_at IS NULL
            OR greatest(enqueued_at, next_attempt_at) <= now() - make_interval(secs => :patience_seconds) AND :queue_empty
        )
    ORDER BY line_at, id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
taken AS (
    UPDATE booking_changes AS change
    SET enqueued_at = now(), resends = resends + 1, updated_at = now()
    FROM gone
    WHERE change.id = gone.id
    RETURNING change.*
)
SELECT * FROM taken ORDER BY line_at, id
