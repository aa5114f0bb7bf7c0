-- Take a booking for one attempt: of two deliveries at once, exactly one finds it pending or retrying.
-- The second waits for the first's row lock and then sees `booking`: nothing to claim.
-- A message that comes before its time is a second delivery (its row waits for another one): letting it in would undo
-- the backoff. A little early is let in, for the worker's clock is not ours.
-- `enqueued_at` stays: it is evidence of how far the queue has been delivered (see unsent.sql).
UPDATE appointments
SET status = 'booking',
    claim_token = gen_random_uuid(),
    lease_expires_at = now() + make_interval(secs => :lease_seconds),
    next_attempt_at = NULL,
    updated_at = now()
WHERE id = :appointment_id
  AND status IN ('pending', 'retrying')
  AND (next_attempt_at IS NULL OR next_attempt_at <= now() + make_interval(secs => :early_seconds))
RETURNING *
