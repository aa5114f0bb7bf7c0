-- Take a booking, or several, each for one attempt: of two deliveries at once, exactly one finds it pending or retrying. The second waits for the
-- first's row lock and then sees `booking`: nothing to claim. A message that comes before its time is a second delivery (its row
-- waits for another one): letting it in would undo the backoff. A little early is let in, for the worker's clock is not ours.
-- `enqueued_at` stays: it is evidence of how far the queue has been delivered (see unsent.sql). It comes back with the hold reason
-- of the bookings and changes before it in its account's line (line_at): one that was let go has its place in the window, and one
-- whose POST may have booked is looked for; all others wait behind them. With it come the state of its account, the version of
-- that (a worker that has the client of this version reads no more of it), and whether a seat of it is being given up at all
-- (seat_left.sql says where). The token is a UUID of version 8: workers that know of no accounts write other ones, and a CHECK
-- refuses those of a row that they would post with the key of account 1. One that comes after its sender has given up is no
-- claim: nobody would post it before its lease has run out.
WITH asked AS (
    SELECT coalesce(now() <= CAST(:not_after AS timestamptz), true) AS in_time
),
claimed AS (
    UPDATE appointments AS wanted
    SET status = 'booking',
        claim_token = CAST(overlay(CAST(gen_random_uuid() AS text) PLACING '8' FROM 15) AS uuid),
        lease_expires_at = now() + make_interval(secs => :lease_seconds),
        next_attempt_at = NULL, updated_at = now()
    FROM asked
    WHERE in_time
      AND id /* which */
      AND status IN ('pending', 'retrying')
      AND (next_attempt_at IS NULL OR next_attempt_at <= now() + make_interval(secs => :early_seconds))
    RETURNING
        /* backlog */ AS backlog,
        /* leaving */ AS seats_given_up,
        /* columns */
)
SELECT asked.in_time, account.state, account.version, claimed.*
FROM asked
LEFT JOIN claimed ON true
LEFT JOIN calcom_accounts AS account ON account.id = claimed.account_id
