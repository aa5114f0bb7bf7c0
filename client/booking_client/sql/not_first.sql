-- How many are on the way to the times of requests that are wanted only as the first for them, up to 99, where its event type takes one
-- booking for a time; of the others nothing. A statement of its own before the INSERT, so that who does not ask for it pays nothing.
-- The time is that of insert.sql. Who is on the way is so as the line counts it (asked_before, which needs a row): who waits for a person is
-- not, nor who failed as the probe twice; a move to it is, unless its own endpoint may be what holds it.
-- The account is refused as the INSERT refuses it.
WITH request AS (
    SELECT one.*, account_id, coalesce(make_interval(mins => length_in_minutes), interval '0') AS length
    FROM jsonb_to_recordset(CAST(:requests AS jsonb)) AS one (
        number integer, account text, start_at timestamptz, length_in_minutes integer,
        event_type_id bigint, event_type_slug text, username text, team_slug text, organization_slug text
    )
    CROSS JOIN LATERAL (
        SELECT CASE WHEN account IS NULL THEN 1 ELSE /* schema */calcom_open_account(account) END AS account_id
        OFFSET 0
    ) AS booked_with
)
SELECT number, ahead
FROM request
CROSS JOIN LATERAL (
    SELECT count(*) AS ahead
    FROM (
        SELECT FROM /* schema */appointments AS first
        /* wants_its_time */
            AND /* schema */is_on_the_way(first) AND first.probe_failures < 2
        UNION ALL
        SELECT FROM /* schema */booking_changes AS move
        JOIN /* schema */appointments AS first ON first.id = move.appointment_id
        WHERE move.kind = 'reschedule' AND move.status IN ('pending', 'changing', 'retrying', 'held')
            AND move.start_at = request.start_at AND move.account_id = request.account_id
            AND (first.event_type_id, first.event_type_slug, first.username, first.team_slug, first.organization_slug)
            IS NOT DISTINCT FROM
            (request.event_type_id, request.event_type_slug, request.username, request.team_slug, request.organization_slug)
            AND NOT first.cancel_requested AND (move.status <> 'held' OR move.held_for = 'line')
        LIMIT 99
    ) AS found
) AS others
WHERE ahead > 0 AND /* schema */takes_one(account_id, /* event_type */)
