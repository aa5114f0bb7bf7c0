-- Keep a batch of requests in one statement, whatever its size.
-- One JSON parameter instead of forty a row: PostgreSQL allows 65,535, and the text stays the same for the statement cache.
-- Inserted in the order of their keys: an ON CONFLICT waits for a rival's uncommitted row, and two batches that hold the
-- same keys in different orders would deadlock. `requested_at` keeps the order of the input, a microsecond apart.
-- `published`: a pending row counts as enqueued from here on, for its message is published right after the commit, and
-- `mark_unsent` takes that back when it was not; so the usual case costs no second statement. Else the commit wakes the
-- dispatcher, which publishes it: one notification a transaction, whatever the number of rows.
-- When it met the open breaker is told by this clock, as all moments are: a caller's own may be minutes off.
-- `behind_others`: a request that comes while others of its account wait for the breaker or the limit waits with them, in
-- the line: held as they are, and `held_for` says that it is only behind them (states.LINE). For that one row is read, the
-- first of its account in the index of the lines, where `breaker_open` comes before `throttled`. The order leaves PostgreSQL
-- no other way: for an EXISTS it may read all that is held, of all accounts.
-- `line_at` is its place in that line; the whole rule is here. A row stands at the moment of its request, put
-- back by a 96th of the time it has, at most 15 minutes: who must soon be booked goes first. In a bulk it is put back by
-- nine calls of the limit for each row before it as well, so that single requests pass, and while they fill the limit
-- each tenth call is the bulk's. Never by more than half of the time it has: its turn comes before its time is over. That
-- is the time until it expires, HOLD_LEAD before its start or when its answer is no longer wanted.
-- A request names its account (null: account 1). One that is not there, or closed, is refused, and with it the batch.
-- A derived key may be that of a start to which a booking was moved, or from which: that booking answers then (known_keys.sql).
-- `ahead`: how many of its account and event type asked for its time before, and are not booked yet, up to 99. The time is its
-- start, or a start within the length that it names (db/migrations/initial/times.sql). Those of this statement do not see each other:
-- the release does (release_these.sql). One entry of an index, which `ahead >= 0` names, says that nobody did.
-- Requests that come after their caller was told that nobody knows are not kept: he may have chosen another time.
WITH asked AS (
    /* in_time */
),
request AS (
    SELECT one.*, asked_at, seconds, account_id, length
    FROM asked
    CROSS JOIN jsonb_to_recordset(CAST(:requests AS jsonb)) AS one (
        number integer, uuid uuid, idempotency_key text, key_derived boolean, payload_hash text, correlation_id text,
        task_id text, event_type_id bigint, event_type_slug text, username text, team_slug text, organization_slug text,
        start_at timestamptz, end_at timestamptz, length_in_minutes integer,
        attendee_name text, attendee_email text, attendee_phone text, attendee_time_zone text, attendee_language text,
        guests jsonb, location jsonb, booking_fields_responses jsonb, request_metadata jsonb, answer_by timestamptz,
        hold_reason text, hold_until timestamptz, held_for text, requested_at timestamptz, resilience_strategy text,
        account text, api_key_id bigint, callback_url text
    )
    CROSS JOIN LATERAL (
        SELECT CASE WHEN account IS NULL THEN 1 ELSE /* schema */calcom_open_account(account) END AS account_id
        OFFSET 0
    ) AS booked_with
    CROSS JOIN LATERAL (SELECT coalesce(requested_at, now() + number * interval '1 microsecond') AS asked_at) AS moment
    CROSS JOIN LATERAL (
        SELECT greatest(
            0, extract(epoch FROM least(start_at - make_interval(secs => :lead_seconds), answer_by) - asked_at)
        ) AS seconds
    ) AS time_it_has
    CROSS JOIN LATERAL (SELECT coalesce(make_interval(mins => length_in_minutes), interval '0') AS length) AS known_length
    WHERE asked.in_time
),
placed AS (
    SELECT
        request.*,
        CASE WHEN hold_reason = 'throttled' THEN coalesce(backlog.reason, hold_reason) ELSE coalesce(hold_reason, backlog.reason) END
            AS waits_for,
        backlog.reason IS NOT NULL AND (hold_reason IS NULL OR hold_reason = 'throttled') AS in_line,
        (
            SELECT count(*)
            FROM (
                SELECT FROM /* schema */appointments AS first
                /* wants_its_time */
                    AND NOT first.cancel_requested AND NOT first.move_requested
                LIMIT 99
            ) AS kept
        ) AS ahead
    FROM request
    LEFT JOIN LATERAL (
        SELECT held.hold_reason AS reason
        FROM /* schema */appointments AS held
        WHERE :behind_others
            AND held.account_id = request.account_id AND held.status = 'held' AND held.hold_reason IN ('breaker_open', 'throttled')
        ORDER BY held.hold_reason
        LIMIT 1
    ) AS backlog ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_known
        FROM /* schema */moved_starts AS moved
        JOIN /* schema */appointments AS known ON known.id = moved.appointment_id
        WHERE request.key_derived AND moved.idempotency_key = request.idempotency_key AND moved.account_id = request.account_id
            AND known.status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
        LIMIT 1
    ) AS elsewhere ON true
    WHERE is_known IS NULL
),
written AS (
    INSERT INTO /* schema */appointments (
        uuid, idempotency_key, key_derived, payload_hash, correlation_id, task_id,
        event_type_id, event_type_slug, username, team_slug, organization_slug, start_at, end_at, length_in_minutes,
        attendee_name, attendee_email, attendee_phone, attendee_time_zone, attendee_language,
        guests, location, booking_fields_responses, request_metadata, answer_by,
        status, hold_reason, held_at, hold_until, held_for, enqueued_at, requested_at, line_at,
        circuit_breaker_open_at_booking, resilience_strategy, account_id, api_key_id, callback_url, ahead
    )
    SELECT
        uuid, idempotency_key, key_derived, payload_hash, correlation_id, task_id,
        event_type_id, event_type_slug, username, team_slug, organization_slug, start_at, end_at, length_in_minutes,
        attendee_name, attendee_email, attendee_phone, attendee_time_zone, attendee_language,
        guests, location, booking_fields_responses, request_metadata, answer_by,
        CASE WHEN waits_for IS NULL THEN 'pending' ELSE 'held' END,
        waits_for,
        CASE WHEN waits_for IS NOT NULL THEN now() END,
        hold_until,
        CASE WHEN in_line THEN 'line' ELSE held_for END,
        CASE WHEN waits_for IS NULL AND :published THEN now() END,
        asked_at,
        asked_at + make_interval(
            secs => least(least(seconds / 96, 900) + number * 9 * CAST(:call_seconds AS double precision), seconds / 2)
        ),
        CASE WHEN hold_reason = 'breaker_open' THEN now() END,
        coalesce(resilience_strategy, CASE WHEN hold_reason = 'breaker_open' THEN 'circuit_breaker_open' END),
        account_id,
        api_key_id, callback_url, ahead
    FROM placed
    ORDER BY idempotency_key, account_id
    ON CONFLICT DO NOTHING
    RETURNING /* columns */
),
notified AS (
    SELECT pg_notify('booking_requested', '')
    FROM written
    WHERE NOT :published AND status = 'pending'
    LIMIT 1
)
SELECT asked.in_time, written.*
FROM asked
LEFT JOIN written ON true
LEFT JOIN notified ON true
