-- Take up rows whose message was never sent, or is gone, and count them as enqueued now: the process
-- that gets a row sends it, so two sweepers never send the same one (and `mark_unsent` takes it back when that fails).
-- Never sent: `enqueued_at` is null, but for bookings as a client kept them, which the dispatcher takes (requested.sql).
-- Gone: it has been due for a while and there is evidence, for a long queue must not be sent twice: the queue is empty,
-- or a message that was enqueued well after it has been delivered: of a booking or of a change, for they have one queue.
-- Only messages sent once are evidence (`resends = 0`): a row that was sent again may be claimed by its older message,
-- and would then vouch for everything up to its newer one. The newest delivery is one entry of an index of each.
-- SKIP LOCKED: a worker that is claiming goes first. A second message for one row finds nothing to claim.
WITH delivered AS (
    SELECT greatest(
        (
            SELECT max(enqueued_at)
            FROM appointments
            WHERE enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying')
        ),
        (
            SELECT max(enqueued_at)
            FROM booking_changes
            WHERE enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying')
        )
    ) AS newest
),
gone AS (
    SELECT id
    FROM /* rows */
    WHERE status IN ('pending', 'retrying')
      AND coalesce(next_attempt_at <= now(), true)
      AND (
          enqueued_at IS NULL AND /* sent by us */
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
    UPDATE /* rows */ AS own
    SET enqueued_at = now(),
        resends = resends + 1,
        updated_at = now()
    FROM gone
    WHERE own.id = gone.id
    RETURNING own.*
)
SELECT * FROM taken ORDER BY line_at, id
