-- Name the accounts that something of their own stops, each once, by the worst of what stops it: since when, and how many of its
-- bookings wait, up to a cap. Nothing is read while account 1 is the only one. A plain read whose cost is bounded: it reads at most
-- :most entries of an index for each trouble, from one account's first entry to the next one's where a line may be long, and
-- counts the bookings only of the accounts that it shows. Cal.com's refusal of a key is an override; an account's own breaker
-- has its changes in the record. The first five of each trouble are among those that are shown. What a closed account still holds
-- is read elsewhere (held_of_closed.sql): nothing here ends it.
WITH RECURSIVE several AS (
    SELECT FROM calcom_accounts WHERE id = 1 AND NOT alone
),
line AS (
    SELECT 0 AS account_id, 0 AS number FROM several
    UNION ALL
    SELECT following.account_id, line.number + 1
    FROM line
    CROSS JOIN LATERAL (
        SELECT account_id
        FROM appointments
        WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id > line.account_id
        ORDER BY account_id
        LIMIT 1
    ) AS following
    WHERE line.number < :most
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
),
found AS (
    SELECT account_id, 'unreadable' AS trouble, 1 AS place, min(held_at) AS since
    FROM (
        SELECT account_id, held_at
        FROM appointments
        WHERE status = 'held' AND hold_reason = 'credentials' AND held_for = :unreadable AND EXISTS (SELECT FROM several)
        LIMIT :most
    ) AS unreadable
    GROUP BY account_id
    UNION ALL
    SELECT account.id, 'refused', 2, refusal.created_at
    FROM breaker_overrides AS refusal
    JOIN calcom_accounts AS account USING (key_fingerprint)
    WHERE refusal.mode = 'credentials' AND refusal.lifted_at IS NULL AND account.state = 'active'
    UNION ALL
    SELECT account_id, 'configuration', 3, min(held_at)
    FROM (
        SELECT account_id, held_at, error_type
        FROM appointments
        WHERE status = 'held' AND hold_reason = 'configuration' AND EXISTS (SELECT FROM several)
        LIMIT :most
    ) AS misled
    WHERE account_id <> 1 AND error_type IS DISTINCT FROM :missing_type
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
        -- While all of another Cal.com is down, that stops its accounts (services_in_trouble.sql).
        AND (opened.service = (SELECT service FROM calcom_accounts WHERE id = 1) OR coalesce((
            SELECT change.new_state
            FROM circuit_breaker_events AS change
            WHERE change.service = opened.service AND change.endpoint IS NULL AND change.account_id IS NULL
            ORDER BY epoch DESC
            LIMIT 1
        ), 'closed') = 'closed')
    GROUP BY opened.account_id
    UNION ALL
    SELECT line.account_id, 'throttled', 6, first.held_at
    FROM line
    CROSS JOIN LATERAL (
        SELECT held_at
        FROM appointments
        WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND hold_reason = 'throttled'
            AND account_id = line.account_id
        ORDER BY line_at
        LIMIT 1
    ) AS first
),
worst AS (
    SELECT DISTINCT ON (account_id) account_id, trouble, place, since
    FROM found
    JOIN calcom_accounts AS account ON account.id = found.account_id AND account.state <> 'closed'
    ORDER BY account_id, place
),
numbered AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY trouble) AS alike,
        row_number() OVER (PARTITION BY trouble ORDER BY since, account_id) AS number
    FROM worst
),
shown AS (
    SELECT * FROM numbered WHERE number <= :of_each ORDER BY number > 5, place, number LIMIT :of_all
)
SELECT account.id, account.name, shown.trouble, shown.alike, waiting.count, coalesce(shown.since, waiting.since) AS since
FROM shown
JOIN calcom_accounts AS account ON account.id = shown.account_id
CROSS JOIN LATERAL (
    SELECT count(*) AS count, min(since) AS since
    FROM (
        (SELECT held_at AS since
        FROM appointments
        WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled') AND account_id = account.id
        LIMIT :cap)
        UNION ALL
        (SELECT held_at
        FROM appointments
        WHERE status = 'held' AND hold_reason = 'paused' AND account_id = account.id
        LIMIT :cap)
        UNION ALL
        (SELECT held_at
        FROM appointments
        WHERE account_id <> 1 AND status IN ('pending', 'booking', 'retrying', 'held')
            AND hold_reason IN ('credentials', 'configuration') AND account_id = account.id
        LIMIT :cap)
    ) AS held
) AS waiting
ORDER BY shown.place, shown.number
