-- Let these held rows go: the breaker has given each of them a place in its window, or it is the one that goes first
-- when Cal.com's API answers again. One that has moved on meanwhile (expired, cancelled, released by an operator) is
-- passed over, and its place given back.
-- About those whose outcome is unknown Cal.com could not be asked while they waited here; from now on it can.
-- One of the line that somebody has asked before for its time stays (db/migrations/initial/times.sql): by one of the same statement, or not
-- committed, when it was kept, or of a process that counts nobody (`ahead`); from here on its row says so, and the line passes it over.
-- SKIP LOCKED: a transaction that is moving a row now goes first.
WITH named AS (
    SELECT id, /* held by */ AS held_by, held_at AS since, hold_reason <> 'configuration' AND /* waits for others */ AS stays
    FROM /* rows */
    WHERE id = ANY (CAST(:ids AS bigint[])) AND status = 'held' AND hold_reason IN ('breaker_open', 'throttled', 'configuration')
    FOR UPDATE SKIP LOCKED
),
granted AS (
    SELECT * FROM named WHERE NOT stays
),
/* passed over */
moved AS (
    UPDATE /* rows */ AS own
    SET /* released */
    FROM granted
    WHERE own.id = granted.id
    RETURNING own.*
),
told AS (
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT
        /* its booking */, /* event */ || 'pending', 'release',
        /* what */ jsonb_build_object('why', 'released', 'held', held_by, 'since', since)
    FROM moved
    JOIN granted USING (id)
)
SELECT * FROM moved ORDER BY line_at, id
