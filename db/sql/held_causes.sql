-- Say of what is held by which cause: each held booking has one, so that counts of causes add up to what is held. And name the
-- accounts that something of their own stops, each once, by the worst of that, and since when. Nothing is read while account 1 is
-- the only one, but where one account is asked for.
-- A cause is that of the booking alone (a suspect, a key that cannot see it, an event type that is gone), of its account (closed,
-- unreadable, refused, configuration, paused, breaker, throttled), or of its Cal.com: down, or back, and what it held goes in
-- order (service). What is over by now, and goes with the next beat, is let_go. What stops an account stops its whole line.
-- A plain read whose cost is bounded, but for a count of the :whole: of at most :most accounts that have a line at most :cap bookings
-- each, and :all of them together, and of each other reason at most :cap (a range, and its order too: else the planner may read
-- all bookings for each). Where that is not enough, a count is one of "at least" (is_cut). What is read of the bookings is grouped at
-- once: joined and sorted one by one, 5,000 of them took 36 ms, and grouped 4. All is of the accounts :first_account to
-- :last_account, which are all accounts, or one.
-- Cal.com's refusal of a key is an override; a breaker has its changes in the record. One that is half-open for long is at rest,
-- and stops nobody. What stops account 1 is known to Redis alone where it is the settings'. The first five of each trouble are
-- among the accounts that are shown; those of others are together. What a closed account holds is named elsewhere, too
-- (held_of_closed.sql).
WITH RECURSIVE several AS (
    SELECT FROM calcom_accounts WHERE id = 1 AND (NOT alone OR :first_account = :last_account)
),
line AS (
    SELECT CAST(:first_account AS integer) - 1 AS account_id, 0 AS number FROM several WHERE NOT CAST(:whole AS boolean)
    UNION ALL
    SELECT following.account_id, line.number + 1
    FROM line
    CROSS JOIN LATERAL (
        SELECT account_id
        FROM appointments
        WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > line.account_id
            AND account_id <= :last_account
        ORDER BY account_id
        LIMIT 1
    ) AS following
    WHERE line.number < :most
),
in_line AS MATERIALIZED (
    SELECT /* counted */
    FROM (
        (SELECT waiting.*
        FROM line
        CROSS JOIN LATERAL (
            SELECT account_id, hold_reason, held_for, error_type, start_at, held_at, requested_at, hold_until
            FROM appointments
            WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id = line.account_id
                AND line.number > 0
            LIMIT :cap
        ) AS waiting
        LIMIT :all)
        UNION ALL
        SELECT account_id, hold_reason, held_for, error_type, start_at, held_at, requested_at, hold_until
        FROM appointments
        WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND :whole AND EXISTS (SELECT FROM several)
    ) AS waiting
    GROUP BY account_id, hold_reason, (/* held by */), held_for = :unreadable, error_type = :missing_type
),
for_a_cause AS MATERIALIZED (
    SELECT /* counted */
    FROM several
    CROSS JOIN unnest(CAST(:reasons AS text[])) AS one (name)
    CROSS JOIN LATERAL (
        SELECT account_id, hold_reason, held_for, error_type, start_at, held_at, requested_at, hold_until
        FROM appointments
        WHERE status = 'held' AND hold_reason >= one.name AND hold_reason <= one.name
            AND account_id BETWEEN :first_account AND :last_account
        ORDER BY hold_reason, requested_at, id
        LIMIT :cap
    ) AS waiting
    GROUP BY account_id, hold_reason, (/* held by */), held_for = :unreadable, error_type = :missing_type
),
held AS (
    SELECT *, sum(count) OVER (PARTITION BY hold_reason) >= :cap AS is_cut
    FROM for_a_cause
    UNION ALL
    SELECT
        *,
        sum(count) OVER (PARTITION BY account_id) >= :cap OR sum(count) OVER () >= :all
            OR coalesce((SELECT max(number) >= :most FROM line), false)
    FROM in_line
),
down AS (
    SELECT DISTINCT calcom.service
    FROM unnest(CAST(:services AS text[])) AS calcom (service)
    CROSS JOIN (VALUES (CAST(NULL AS text)), (CAST(:create AS text))) AS of (endpoint)
    CROSS JOIN LATERAL (
        SELECT new_state, created_at
        FROM circuit_breaker_events AS change
        WHERE change.service = calcom.service AND change.endpoint IS NOT DISTINCT FROM of.endpoint AND change.account_id IS NULL
        ORDER BY epoch DESC
        LIMIT 1
    ) AS newest
    WHERE newest.new_state IN ('open', 'forced_open')
        OR newest.new_state = 'half_open' AND newest.created_at > now() - interval '2 hours'
),
opened AS (
    SELECT DISTINCT service, endpoint, account_id
    FROM (
        SELECT service, endpoint, account_id
        FROM circuit_breaker_events
        WHERE account_id IS NOT NULL AND created_at > now() - interval '1 day'
            AND EXISTS (SELECT FROM several)
        ORDER BY created_at DESC
        LIMIT :most
    ) AS lately
    WHERE service NOT IN (SELECT service FROM down)  -- that stops all its accounts
),
found AS (
    SELECT account_id, 'unreadable' AS trouble, 1 AS place, min(oldest_held_at) AS since
    FROM for_a_cause
    WHERE hold_reason = 'credentials' AND is_unreadable
    GROUP BY account_id
    UNION ALL
    SELECT account_id, 'unreadable', 1, min(held_at)
    FROM booking_changes
    WHERE status = 'held' AND hold_reason = 'credentials' AND held_for = :unreadable AND EXISTS (SELECT FROM several)
    GROUP BY account_id
    UNION ALL
    SELECT account.id, 'refused', 2, refusal.created_at
    FROM breaker_overrides AS refusal
    JOIN calcom_accounts AS account USING (key_fingerprint)
    WHERE refusal.mode = 'credentials' AND refusal.lifted_at IS NULL AND account.state = 'active'
    UNION ALL
    SELECT account_id, 'configuration', 3, min(oldest_held_at)
    FROM for_a_cause
    WHERE hold_reason = 'configuration' AND account_id <> 1 AND is_missing IS NOT TRUE
    GROUP BY account_id
    UNION ALL
    (SELECT id, 'paused', 4, NULL FROM calcom_accounts WHERE state = 'paused' LIMIT :most)
    UNION ALL
    SELECT opened.account_id, 'breaker', 5, min(began.at)
    FROM opened
    CROSS JOIN LATERAL (
        SELECT new_state, epoch
        FROM circuit_breaker_events AS change
        WHERE change.service = opened.service AND change.endpoint IS NOT DISTINCT FROM opened.endpoint
            AND change.account_id = opened.account_id
        ORDER BY epoch DESC
        LIMIT 1
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT min(created_at) AS at
        FROM circuit_breaker_events AS change
        WHERE change.service = opened.service AND change.endpoint IS NOT DISTINCT FROM opened.endpoint
            AND change.account_id = opened.account_id AND change.epoch > coalesce((
                SELECT max(epoch)
                FROM circuit_breaker_events AS closing
                WHERE closing.service = opened.service AND closing.endpoint IS NOT DISTINCT FROM opened.endpoint
                    AND closing.account_id = opened.account_id AND closing.new_state = 'closed'
            ), 0)
    ) AS began
    WHERE newest.new_state <> 'closed'
    GROUP BY opened.account_id
),
worst AS (
    SELECT DISTINCT ON (account_id) account_id, trouble, place, since
    FROM found
    JOIN calcom_accounts AS account ON account.id = found.account_id AND account.state <> 'closed'
    WHERE account_id BETWEEN :first_account AND :last_account
    ORDER BY account_id, place, since
),
caused AS MATERIALIZED (
    SELECT held.*, account.service, account.name, CASE
        WHEN account.state = 'closed' THEN 'closed'
        WHEN hold_reason IN ('blind_key', 'suspect') THEN hold_reason
        WHEN hold_reason = 'configuration' AND is_missing THEN 'no_event_type'
        WHEN hold_reason IN ('unreachable', 'settling') THEN 'service'
        WHEN worst.place < 5 THEN worst.trouble
        WHEN hold_reason = 'configuration' THEN 'configuration'
        WHEN hold_reason = 'credentials' AND account_id = 1 THEN 'refused'
        WHEN hold_reason IN ('credentials', 'paused') THEN 'let_go'
        WHEN account.service IN (SELECT service FROM down) THEN 'service'
        WHEN worst.place = 5 THEN worst.trouble
        WHEN bool_or(hold_reason = 'breaker_open') OVER (PARTITION BY account_id) THEN 'service'
        ELSE 'throttled'
    END AS cause
    FROM held
    JOIN calcom_accounts AS account ON account.id = held.account_id
    LEFT JOIN worst USING (account_id)
),
troubled AS (
    SELECT account_id, trouble, place, since FROM worst
    UNION ALL
    SELECT account_id, cause, 6, min(oldest_held_at) FROM caused WHERE cause = 'throttled' GROUP BY account_id, cause
),
numbered AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY trouble) AS alike,
        row_number() OVER (PARTITION BY trouble ORDER BY since, account_id) AS number
    FROM troubled
),
shown AS (
    SELECT * FROM numbered WHERE number <= :of_each ORDER BY number > 5, place, number LIMIT :of_all
)
SELECT
    account.name, account.service, shown.trouble AS cause, shown.place, shown.number, shown.alike, shown.since,
    NULL AS reason, NULL AS count, NULL AS at_risk, NULL AS oldest_held_at, NULL AS oldest_requested_at, NULL AS first_start,
    NULL AS next_until, NULL AS is_cut
FROM shown
JOIN calcom_accounts AS account ON account.id = shown.account_id
UNION ALL
SELECT
    named.name, service, cause, 7, NULL, NULL, NULL, reason, sum(count)::bigint, sum(at_risk)::bigint, min(oldest_held_at),
    min(oldest_requested_at), min(first_start), min(next_until), bool_or(is_cut)
FROM caused
CROSS JOIN LATERAL (
    SELECT CASE WHEN account_id = 1 OR account_id IN (SELECT account_id FROM shown) THEN caused.name END AS name
) AS named
GROUP BY named.name, service, cause, reason
ORDER BY place, number
