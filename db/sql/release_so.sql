-- Release what an operator names by its hold reason, of one account or of all: a batch, in the order of the line. Only rows that
-- were held when the operator asked (:since): one that is held again meanwhile must not be sent round and round. Counts of
-- failed probes and lost leases in a row begin again. SKIP LOCKED: a transaction that is moving a row now goes first.
WITH meant AS (
    SELECT id, /* held by */ AS held_by, held_at AS since
    FROM /* rows */
    WHERE status = 'held' AND hold_reason = :reason AND held_at <= :since
        AND (CAST(:event_type_id AS bigint) IS NULL OR /* of the type */)
        AND (CAST(:account AS integer) IS NULL OR account_id = :account)
    ORDER BY line_at, id
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
moved AS (
    UPDATE /* rows */ AS own
    SET /* released */,
        leases_lost = 0,
        probe_failures = 0
    FROM meant
    WHERE own.id = meant.id
    RETURNING own.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        /* its booking */, /* event */ || 'pending', :by, /* what */ jsonb_strip_nulls(jsonb_build_object(
            'why', CAST(:why AS text), 'via', CAST(:via AS text), 'held', held_by, 'since', since
        ))
    FROM moved
    JOIN meant USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
