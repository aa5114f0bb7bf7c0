-- Whose time a request wants: of its account and event type, with an equal start; where it names its length also a start within that, or one
-- whose own length reaches into it, up to four times as long. `ahead >= 0` is true of all, and names the index.
WHERE first.ahead >= 0 AND first.status IN ('pending', 'booking', 'retrying', 'held')
    AND first.account_id = request.account_id
    AND first.start_at >= request.start_at - 4 * length AND first.start_at <= request.start_at + length
    AND (
        first.start_at = request.start_at
        OR first.start_at < request.start_at + length
        AND first.start_at + coalesce(make_interval(mins => first.length_in_minutes), length) > request.start_at
    )
    AND (first.event_type_id, first.event_type_slug, first.username, first.team_slug, first.organization_slug)
    IS NOT DISTINCT FROM
    (request.event_type_id, request.event_type_slug, request.username, request.team_slug, request.organization_slug)
