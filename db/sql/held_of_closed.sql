-- Name the closed accounts of which something is held, each with how much, up to a cap, since when, and of which bookings. Nothing
-- can send it any more. A plain read, from one closed account to the next: `unfinished` and the accounts' indexes serve it.
SELECT account.name, held.count, held.since, held.bookings
FROM calcom_accounts AS account
CROSS JOIN LATERAL (
    SELECT count(*) AS count, min(held_at) AS since, array_agg(booking) AS bookings
    FROM (
        SELECT /* its booking */ AS booking, held_at
        FROM /* rows */
        WHERE account_id = account.id AND /* unfinished */ AND status = 'held'
        ORDER BY held_at
        LIMIT :cap
    ) AS one
) AS held
WHERE account.state = 'closed' AND held.count > 0
