-- The active accounts whose webhook was silent for a day, though bookings were made in that day.
-- An account has one if its last order was to add it, or if webhooks came and no order is known: it was made by hand.
-- From account to account by the index (account_id, received_at): the webhooks of a day are not read at each check. The
-- newest confirmed bookings are read only if an account is silent, and no more than the cap. What was requested in the day
-- was booked in it, too; when a booking was confirmed before that, its row does not say.
WITH RECURSIVE reporting (account_id) AS (
    (SELECT account_id FROM calcom_webhooks ORDER BY account_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT one.account_id FROM calcom_webhooks AS one
        WHERE one.account_id > reporting.account_id ORDER BY one.account_id LIMIT 1
    )
    FROM reporting
    WHERE reporting.account_id IS NOT NULL
),
ordered AS (
    SELECT DISTINCT ON (target ->> 'account') target ->> 'account' AS name, action, asked_at
    FROM operator_actions
    WHERE action IN (:added, :removed) AND refused IS NULL
    ORDER BY target ->> 'account', id DESC
),
silent AS MATERIALIZED (
    SELECT account.id, account.name, newest.received_at AS last_at
    FROM calcom_accounts AS account
    LEFT JOIN ordered ON ordered.name = account.name
    LEFT JOIN LATERAL (
        SELECT received_at FROM calcom_webhooks AS one
        WHERE one.account_id = account.id ORDER BY received_at DESC LIMIT 1
    ) AS newest ON true
    WHERE account.state = 'active'
        AND (
            ordered.action = :added
            OR ordered.name IS NULL AND account.id IN (SELECT account_id FROM reporting WHERE account_id IS NOT NULL)
        )
        AND greatest(newest.received_at, ordered.asked_at) <= now() - CAST(:day AS interval)
),
lately AS MATERIALIZED (
    SELECT account_id, requested_at, updated_at, /* event_type */ AS event_type
    FROM appointments
    WHERE EXISTS (SELECT FROM silent) AND status >= 'confirmed' AND status <= 'confirmed'
    ORDER BY status DESC, id DESC
    LIMIT :cap
),
booked AS (
    SELECT account_id, count(*) AS count
    FROM lately
    WHERE requested_at > now() - CAST(:day AS interval) AND updated_at <= now() - CAST(:grace AS interval)
        AND NOT EXISTS (
            SELECT FROM calcom_event_types AS type
            WHERE type.account_id = lately.account_id AND type.event_type = lately.event_type AND NOT type.personal
        )
    GROUP BY account_id
)
SELECT silent.id, silent.name, silent.last_at, coalesce(booked.count, 0) AS count
FROM silent
LEFT JOIN booked ON booked.account_id = silent.id
WHERE booked.count > 0 OR silent.id = ANY (CAST(:known AS int[]))
ORDER BY silent.id
