-- Take up changes whose worker is gone: what Cal.com has done is unknown, and is looked for first. Times as in
-- lost_leases.sql. The third lease that a change loses in a row is held for the operator: one that kills its workers must not
-- travel on.
-- SKIP LOCKED: any number of sweepers share the work, and a worker that is just writing its answer goes first.
WITH lost AS (
    SELECT id, updated_at AS seen_at, leases_lost + 1 >= :suspect_at AS is_suspect
    FROM booking_changes
    WHERE status = 'changing' AND lease_expires_at <= now()
    ORDER BY lease_expires_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
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
        looks = 0,
        error_type = 'lease_lost',
        last_error = 'the worker was gone before it had written an answer',
        enqueued_at = CASE WHEN NOT is_suspect THEN now() END,
        claim_token = NULL,
        lease_expires_at = NULL,
        updated_at = now()
    FROM lost
    WHERE change.id = lost.id
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
    JOIN (SELECT id, seen_at FROM lost) AS one USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
