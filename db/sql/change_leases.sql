-- Take up changes whose worker is gone: what Cal.com has done is unknown, and is looked for first. Times as in
-- lost_leases.sql, and as there the third lease that a change loses in a row, alone, is held for the operator.
-- SKIP LOCKED: any number of sweepers share the work, and a worker that is just writing its answer goes first.
WITH lost AS (
    SELECT 'change' AS what, id, updated_at AS seen_at, leases_lost + 1 >= :suspect_at AS is_third
    FROM booking_changes
    WHERE status = 'changing' AND lease_expires_at <= now()
    ORDER BY lease_expires_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
/* judged */,
moved AS (
    UPDATE booking_changes AS change
    SET status = CASE WHEN is_suspect THEN 'held' ELSE 'retrying' END,
        hold_reason = CASE WHEN is_suspect THEN 'suspect' END,
        held_at = CASE WHEN is_suspect THEN now() END,
        leases_lost = leases_lost + 1,
        outcome_unknown = true,
        may_have_moved = true,
        posts = greatest(posts, 1),
        settle_at = greatest(settle_at, now() + make_interval(secs => :settle_seconds)),
        ends_at = greatest(ends_at, now() + make_interval(secs => :ends_seconds)),
        late_look_at = greatest(ends_at, now() + make_interval(secs => :ends_seconds)),
        looks = 0,
        error_type = 'lease_lost',
        last_error = 'the worker was gone before it had written an answer',
        enqueued_at = CASE WHEN NOT is_suspect AND turn = 0 THEN now() END,
        next_attempt_at = CASE WHEN turn > 0 THEN now() + make_interval(secs => 2 * turn * :lease_seconds) END,
        claim_token = NULL,
        lease_expires_at = NULL,
        updated_at = now()
    FROM judged
    WHERE change.id = judged.id
    RETURNING change.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        appointment_id,
        'change_' || status,
        'sweeper',
        jsonb_build_object('change', id, 'what', kind, 'why', last_error, 'leases_lost', leases_lost, 'seen_at', seen_at)
    FROM moved
    JOIN judged USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
