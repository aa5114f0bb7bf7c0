-- Take up bookings whose message was never sent, or is gone, and count them as enqueued now: the process
-- that gets a row sends it, so two sweepers never send the same one (and `mark_unsent` takes it back when that fails).
-- Never sent: `enqueued_at` is null, but for rows as a client kept them, which the dispatcher takes (requested.sql).
-- Gone: it has been due for a while and there is evidence, for a long queue must not be sent twice: the queue is empty,
-- or a message that was enqueued well after it has been delivered.
-- Only messages sent once are evidence (`resends = 0`): a row that was sent again may be claimed by its older message,
-- and would then vouch for everything up to its newer one. The newest delivery is one entry of an index.
-- SKIP LOCKED: a worker that is claiming goes first. A second message for one booking finds nothing to claim.
WITH delivered AS (
    SELECT max(enqueued_at) AS newest
    FROM appointments
    WHERE enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying')
),
gone AS (
    SELECT id
    FROM appointments
    WHERE status IN ('pending', 'retrying')
      AND coalesce(next_attempt_at <= now(), true)
      AND (
          enqueued_at IS NULL AND (status = 'retrying' OR updated_at > created_at)
          OR greatest(enqueued_at, next_attempt_at) <= now() - make_interval(secs => :patience_seconds)
          AND (
              :queue_empty
              OR greatest(enqueued_at, next_attempt_at)
                  <= (SELECT newest FROM delivered) - make_interval(secs => :overtaken_seconds)
          )
      )
    ORDER BY line_at, id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
taken AS (
    UPDATE appointments AS appointment
    SET enqueued_at = now(),
        resends = resends + 1,
        updated_at = now()
    FROM gone
    WHERE appointment.id = gone.id
    RETURNING appointment.*
)
SELECT * FROM taken ORDER BY line_at, id
