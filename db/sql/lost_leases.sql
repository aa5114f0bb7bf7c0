-- Take up rows whose worker is gone: the lease ran out, so nobody may write to the row any more, and whether Cal.com
-- has done it is unknown. Looked at once; another POST is safe only when the time to settle has passed since the last
-- moment at which that worker may have sent a byte, and absence may end it a while later, when a replica must have seen
-- what was done. Both count from now and not from the lease's end: after a failover to a server whose clock is ahead a
-- lease has run out long ago whose POST is under way.
-- The third lease that a row loses in a row, alone, is held for the operator (judged: see __init__.py): one that
-- kills its workers must not travel on.
-- Told are `lease_ended_at` and `written_at`, when the row was last written before: by its claim, or by that claim's renewal
-- before a further call, unless somebody has written it since, as who asks for its cancel.
-- SKIP LOCKED: any number of sweepers share the work, and a worker that is just writing its answer goes first.
WITH lost AS (
    SELECT
        /* at work */ AS what,
        id,
        updated_at AS written_at,
        lease_expires_at AS lease_ended_at,
        leases_lost + 1 >= :suspect_at AS is_third
    FROM /* rows */
    WHERE status = /* at work */ AND lease_expires_at <= now()
    ORDER BY lease_expires_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
/* judged */,
moved AS (
    UPDATE /* rows */ AS own
    SET status = CASE WHEN is_suspect THEN 'held' ELSE 'retrying' END,
        hold_reason = CASE WHEN is_suspect THEN 'suspect' END,
        held_at = CASE WHEN is_suspect THEN now() END,
        leases_lost = leases_lost + 1,
        outcome_unknown = true,
        /* lost */,
        settle_at = greatest(settle_at, now() + make_interval(secs => :settle_seconds)),
        ends_at = greatest(ends_at, now() + make_interval(secs => :ends_seconds)),
        looks = 0,
        error_type = 'lease_lost',
        last_error = 'the worker was gone before it had written an answer',
        enqueued_at = CASE WHEN NOT is_suspect AND turn = 0 THEN now() END,
        next_attempt_at = CASE WHEN turn > 0 THEN now() + make_interval(secs => 2 * turn * :lease_seconds) END,
        claim_token = NULL,
        lease_expires_at = NULL,
        updated_at = now()
    FROM judged
    WHERE own.id = judged.id
    RETURNING own.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        /* its booking */, /* event */ || status, 'sweeper',
        /* what */ jsonb_build_object(
            'why', last_error, 'leases_lost', leases_lost, 'written_at', written_at, 'lease_ended_at', lease_ended_at
        )
    FROM moved
    JOIN judged USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
