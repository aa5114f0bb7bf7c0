-- Find the changes of some accounts (:accounts) that wait for the breaker or for the rate limit, of each in the order of its
-- line, at most :limit of each, of these :kinds. Nothing is locked here, as in waiting.sql.
-- One arm a reason, so that the index (account_id, hold_reason, line_at) gives the order.
-- A move waits for those who asked before for its wanted time, as a booking does (db/migrations/initial/times.sql).
-- postable: in half-open only what may be posted now can be the probe. A reschedule never is: it is the probe of its own
-- endpoint alone. Where nothing else waits the first one is let go all the same, and reads its booking, which is the probe.
SELECT own.account_id, one.id, one.line_at
FROM unnest(CAST(:accounts AS integer[])) WITH ORDINALITY AS own (account_id, number)
CROSS JOIN LATERAL (
    (SELECT id, line_at FROM booking_changes
     WHERE account_id = own.account_id AND status = 'held' AND hold_reason = 'breaker_open'
         AND NOT (:postable AND (outcome_unknown OR kind = 'reschedule')) AND kind = ANY (CAST(:kinds AS text[]))
         AND NOT (kind = 'reschedule' AND NOT outcome_unknown AND asked_before(appointment_id, start_at, line_at, 1) > 0)
     ORDER BY line_at, id LIMIT :limit)
    UNION ALL
    (SELECT id, line_at FROM booking_changes
     WHERE account_id = own.account_id AND status = 'held' AND hold_reason = 'throttled'
         AND NOT (:postable AND (outcome_unknown OR kind = 'reschedule')) AND kind = ANY (CAST(:kinds AS text[]))
         AND NOT (kind = 'reschedule' AND NOT outcome_unknown AND asked_before(appointment_id, start_at, line_at, 1) > 0)
     ORDER BY line_at, id LIMIT :limit)
    ORDER BY line_at, id
    LIMIT :limit
) AS one
ORDER BY own.number, one.line_at, one.id
