-- After a restore nobody knows what became of a booking that was on its way when the backup was made: it may have been
-- posted since, and the workers that posted it may have died just now. So its outcome is unknown: it is looked for, and
-- another POST is safe, and absence may end it, only when the longest call of theirs, begun now, must be over.
-- All wait for that, held (settling), whatever held them; suspect and blind_key stay: they are looked for, and no worker
-- posts them by itself.
-- `askable_since` is the backup's moment: a person who has waited for long may have cancelled at Cal.com what was booked since.
-- A refusal is kept, as one that may not be the last word: perhaps it was posted again.
WITH live AS (
    SELECT id, concat_ws(' ', status, /* held by */) AS was, coalesce(hold_reason IN ('suspect', 'blind_key'), false) AS stays
    FROM appointments
    WHERE status IN ('pending', 'booking', 'retrying', 'held') AND id > :after
    ORDER BY id
    LIMIT :limit
    FOR UPDATE
),
moved AS (
    UPDATE appointments AS appointment
    SET status = 'held',
        hold_reason = CASE WHEN stays THEN hold_reason ELSE 'settling' END,
        held_at = CASE WHEN stays THEN held_at ELSE now() END,
        held_for = CASE WHEN stays THEN held_for END,
        hold_until = CASE
            WHEN stays THEN hold_until ELSE greatest(settle_at, now() + make_interval(secs => :settle_seconds))
        END,
        outcome_unknown = true,
        sent_at = CASE WHEN outcome_unknown THEN sent_at ELSE requested_at END, -- not later than its first POST
        settle_at = greatest(settle_at, now() + make_interval(secs => :settle_seconds)),
        ends_at = greatest(ends_at, now() + make_interval(secs => :ends_seconds)),
        askable_since = least(askable_since, greatest(requested_at, CAST(:since AS timestamptz))),
        looks = 0,
        refusal = refusal || '{"look_due": false}',
        enqueued_at = CASE WHEN status NOT IN ('pending', 'retrying') THEN enqueued_at END,
        next_attempt_at = NULL,
        claim_token = NULL,
        lease_expires_at = NULL,
        updated_at = now()
    FROM live
    WHERE appointment.id = live.id
    RETURNING appointment.id
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT id, 'restored', 'operator', jsonb_build_object('why', CAST(:why AS text), 'was', was)
    FROM live
)
SELECT count(*) AS made, max(id) AS last FROM live
