-- Let holds go whose time has come, or whose cause is gone: held for another key or other settings than today's, or for
-- a key that has learnt since, not before, that it sees all bookings of this event type (a personal one's owner's, that
-- has its rights again). In the order of the line.
-- Suspects have a time of their own (suspects_due.sql): these are looked for, and never posted.
-- Held for today's key or today's settings: they go by state, whenever the shared breaker says that the key is not
-- refused, or the settings reach Cal.com (:key_works, :settings_work). An event that says so could be missed; a state
-- cannot. Their hold_until is only the moment before which they are not tried again. What is held for a key or for
-- settings, today's or not, rests for five seconds in any case: a worker that still believes what the fleet believes no
-- more, or still runs with the other settings, must not hold it again each second.
-- Held for an event type that Cal.com has no more: the settings say nothing of it, so only what is to be cancelled goes
-- here; the others when the type is found again (missing_type.sql).
-- What rests since its probes failed in an outage goes as soon as the breaker is closed (:closed) and nobody waits for it
-- any more, behind all, and a few at once: a probe that fails while nothing else succeeds says nothing of its booking.
-- Its count begins again: if it fails now, it fails while others succeed, and its retries end it.
-- All this is of one account (:account), whose key and settings these are; another one's key says nothing of it. What its
-- pause has held goes once it is active, a few at once.
-- One arm an index, so that a beat with nothing to do reads nothing: an OR over all of them would read every held row.
-- `held_for <> today's` is written as two ranges, which an index can serve.
-- Locked again by id, and only if it is still the same hold (`held_at`): what another sweeper has just released, and a
-- worker holds again by now, is not ours. SKIP LOCKED: two sweepers share the work.
-- About those whose outcome is unknown Cal.com could not be asked in some of these holds; from now on it can.
WITH candidate AS (
    SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_until <= now() AND hold_reason NOT IN ('suspect', 'credentials', 'configuration')
        AND account_id = :account
    UNION
    SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_reason IN ('credentials', 'blind_key') AND account_id = :account AND held_for < :key
        AND held_at <= now() - interval '5 seconds'
        AND (hold_reason = 'blind_key' OR hold_until IS NULL OR hold_until <= now())
    UNION
    SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_reason IN ('credentials', 'blind_key') AND account_id = :account AND held_for > :key
        AND held_at <= now() - interval '5 seconds'
        AND (hold_reason = 'blind_key' OR hold_until IS NULL OR hold_until <= now())
    UNION
    SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_reason = 'configuration' AND account_id = :account AND held_for < :settings
        AND held_at <= now() - interval '5 seconds'
    UNION
    SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_reason = 'configuration' AND account_id = :account AND held_for > :settings
        AND held_at <= now() - interval '5 seconds'
    UNION
    SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_reason = 'credentials' AND account_id = :account
        AND held_for = :key AND :key_works
        AND (hold_until IS NULL OR hold_until <= now()) AND held_at <= now() - interval '5 seconds'
    UNION
    SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_reason = 'configuration' AND account_id = :account
        AND held_for = :settings AND :settings_work
        AND (hold_until IS NULL OR hold_until <= now()) AND held_at <= now() - interval '5 seconds'
        AND /* typed */
    UNION
    (SELECT id, held_at, line_at FROM /* rows */
    WHERE :closed AND status = 'held' AND hold_reason = 'unreachable' AND probe_failures >= 3
        AND held_at <= now() - interval '5 seconds' AND account_id = :account
        AND NOT EXISTS (
            SELECT FROM /* rows */ WHERE account_id = :account AND status = 'held' AND hold_reason = 'breaker_open'
        )
    LIMIT 16)
    UNION
    SELECT blind.id, blind.held_at, blind.line_at
    FROM /* rows */ AS blind
    CROSS JOIN LATERAL (SELECT /* event_type */ AS name FROM appointments WHERE id = blind./* its booking */) AS type
    JOIN calcom_event_types AS seen
        ON seen.key_fingerprint = :key
        AND seen.sight
        AND seen.asked_at > blind.held_at
        AND seen.event_type = type.name
    WHERE blind.status = 'held' AND blind.hold_reason = 'blind_key' AND blind.held_for = :key
        AND blind.account_id = :account
    UNION
    (SELECT id, held_at, line_at FROM /* rows */
    WHERE status = 'held' AND hold_reason = 'paused' AND account_id = :account
        AND EXISTS (SELECT FROM calcom_accounts AS own WHERE own.id = :account AND own.state = 'active')
    ORDER BY line_at, id LIMIT 16)
),
due AS (
    SELECT own.id, own.hold_reason AS held_by, own.held_at AS since
    FROM candidate
    JOIN /* rows */ AS own USING (id)
    WHERE own.status = 'held' AND own.held_at = candidate.held_at
    ORDER BY candidate.line_at, own.id
    LIMIT :limit
    FOR UPDATE OF own SKIP LOCKED
),
moved AS (
    UPDATE /* rows */ AS own
    SET /* released */,
        probe_failures = CASE WHEN :closed AND held_by = 'unreachable' THEN 0 ELSE probe_failures END
    FROM due
    WHERE own.id = due.id
    RETURNING own.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        /* its booking */, /* event */ || 'pending', 'sweeper',
        /* what */ jsonb_build_object('why', 'released', 'held', held_by, 'since', since)
    FROM moved
    JOIN due USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
