-- Say what the periodic tasks would find now: each second this one statement asks in place of theirs, which find nothing
-- while nothing is held and nothing is on its way. Each column may say yes too often, for its task looks itself, and never
-- too seldom.
-- Each question is the first entry of an index. `EXISTS` would forget the order, and a planner that has the statistics of
-- an outage would rather read the table.
SELECT
    (SELECT id FROM appointments WHERE status = 'held' ORDER BY hold_reason, line_at, id LIMIT 1) IS NOT NULL
    OR (SELECT id FROM booking_changes WHERE status = 'held' ORDER BY hold_reason, line_at, id LIMIT 1) IS NOT NULL
        AS held,
    (SELECT id FROM appointments WHERE status IN ('pending', 'retrying') ORDER BY enqueued_at LIMIT 1) IS NOT NULL
    OR (SELECT id FROM booking_changes WHERE status IN ('pending', 'retrying') ORDER BY enqueued_at LIMIT 1) IS NOT NULL
    OR (SELECT id FROM booking_changes WHERE status = 'waiting' ORDER BY id LIMIT 1) IS NOT NULL
        AS waiting,
    coalesce(
        least(
            (SELECT lease_expires_at FROM appointments WHERE status = 'booking' ORDER BY lease_expires_at LIMIT 1),
            (SELECT lease_expires_at FROM booking_changes WHERE status = 'changing' ORDER BY lease_expires_at LIMIT 1)
        ) <= now(),
        false
    ) AS lost,
    (SELECT id FROM change_wishes ORDER BY id LIMIT 1) IS NOT NULL AS wished,
    (SELECT host FROM callbacks WHERE next_at IS NOT NULL ORDER BY host, next_at LIMIT 1) IS NOT NULL AS callback,
    coalesce(
        (SELECT next_at FROM calcom_webhooks WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1) <= now(), false
    ) AS hints,
    coalesce((SELECT max(count) FROM held_now), 0) AS most_held,
    (SELECT id FROM breaker_overrides WHERE lifted_at IS NULL ORDER BY service, mode LIMIT 1) IS NOT NULL AS overridden,
    NOT coalesce((SELECT alone FROM calcom_accounts WHERE id = 1), false) AS several_accounts
