-- Take up the bookings that a client kept and nobody has published yet, and count them as enqueued now: who gets a row from
-- here sends it (and `mark_unsent` takes that back when it fails, as for any message: then it is the sweeper's).
-- Only rows as they were inserted, which no move, mark or order has touched: `updated_at` is still `created_at`.
-- What enqueue_booking decides while it keeps a row is decided here: it is held at once when the breaker is open
-- (:blocked: for these accounts), or, in line (states.LINE), when others of its account wait for it or for the limit; or when
-- its account has as many messages as may go now (:admitted, by account: so many of these rows; an account that is not
-- named there has no bound). And nobody told the client of HOLD_LEAD: its place in the line is put back by at most half of
-- the time that it has (the rule is in the client's insert.sql).
-- SKIP LOCKED: two dispatchers share the work.
-- Its commit does not wait for the disk. A server that crashes may forget it, and then the row is as the client kept it: it
-- is taken up again, and a message that came twice is claimed once. A worker's claim, which comes later, does wait, and
-- with it all that was committed before.
WITH kept AS MATERIALIZED (
    SELECT
        id, account_id, line_at,
        requested_at + greatest(
            0, extract(epoch FROM least(start_at - make_interval(secs => :lead_seconds), answer_by) - requested_at) / 2
        ) * interval '1 second' AS last_place
    FROM appointments
    WHERE status = 'pending' AND enqueued_at IS NULL AND updated_at = created_at
    ORDER BY line_at, id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
line AS (
    SELECT account_id, account_id = ANY (CAST(:blocked AS integer[])) AS blocked, CASE
        WHEN account_id = ANY (CAST(:blocked AS integer[])) THEN 'breaker_open'
        WHEN EXISTS (
            SELECT FROM appointments AS held
            WHERE held.account_id = own.account_id AND status = 'held' AND hold_reason = 'breaker_open'
        ) THEN 'breaker_open'
        WHEN EXISTS (
            SELECT FROM appointments AS held
            WHERE held.account_id = own.account_id AND status = 'held' AND hold_reason = 'throttled'
        ) THEN 'throttled'
    END AS reason
    FROM (SELECT DISTINCT account_id FROM kept) AS own
),
placed AS (
    SELECT
        kept.id, last_place, blocked,
        reason IS NOT NULL AND NOT blocked AS in_line,
        CASE
            WHEN reason IS NOT NULL THEN reason
            WHEN row_number() OVER (PARTITION BY account_id ORDER BY line_at, kept.id)
                > CAST(CAST(:admitted AS jsonb) ->> CAST(account_id AS text) AS integer) THEN 'throttled'
        END AS reason
    FROM kept
    JOIN line USING (account_id)
    CROSS JOIN set_config('synchronous_commit', 'off', true)
),
taken AS (
    UPDATE appointments AS appointment
    SET status = CASE WHEN reason IS NULL THEN 'pending' ELSE 'held' END,
        hold_reason = reason,
        held_at = CASE WHEN reason IS NOT NULL THEN now() END,
        held_for = CASE WHEN in_line THEN 'line' END,
        enqueued_at = CASE WHEN reason IS NULL THEN now() END,
        line_at = least(line_at, last_place),
        circuit_breaker_open_at_booking = CASE WHEN blocked THEN now() END,
        resilience_strategy = CASE WHEN blocked THEN 'circuit_breaker_open' END,
        updated_at = now()
    FROM placed
    WHERE appointment.id = placed.id
    RETURNING appointment.*
)
SELECT /* columns */ FROM taken ORDER BY line_at, id
