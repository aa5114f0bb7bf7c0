-- Who asked before for a time, and is still on the way to it.

-- Whether a booking is on the way to its time: sent, at work or to be tried again, or held by the breaker or the limit: each of these moves on by
-- itself. So does one whose outcome is unknown, until its POST cannot be at work any more, and a while for the look that comes then.
-- What a person or a far moment ends (another key, other settings, a pause, a rest after failed probes) is not, nor what is not to
-- be booked there any more.
CREATE FUNCTION is_on_the_way(booking appointments) RETURNS boolean
    LANGUAGE sql STABLE AS $$
SELECT booking.status IN ('pending', 'booking', 'retrying', 'held')
    AND NOT booking.cancel_requested AND NOT booking.move_requested
    AND (
        booking.status <> 'held'
        OR booking.hold_reason IN ('breaker_open', 'throttled')
        OR booking.hold_reason IN ('settling', 'unreachable') AND booking.outcome_unknown
            AND booking.settle_at > now() - interval '15 seconds'
    )
$$;

-- How many who asked before for a time are on the way to it, up to `most`: for a booking, its start (`wanted`) and its place in the line; for a
-- move, its booking, the start that it wants and its place. Before: in the line of one account; and of one event type. The time: an equal start;
-- where the request names its length, also a start within it, or one whose own length reaches into it, up to four times as long.
-- One that has failed as the probe twice makes nobody wait: a failed probe takes those who want its time behind with it, once.
-- A move counts for its wanted start as a booking does, but not while its own endpoint may be what holds it: then it
-- is not only behind others.
-- A function in PL/pgSQL, so that a connection plans it once: in the statements it cost the line 3 ms a step. `ahead >= 0` is
-- true of all, and names the index.
CREATE FUNCTION asked_before(booking bigint, wanted timestamptz, place timestamptz, most integer) RETURNS integer
    LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
DECLARE
    own record;
    length interval;
BEGIN
    SELECT account_id, event_type_id, event_type_slug, username, team_slug, organization_slug, length_in_minutes
    INTO own FROM appointments WHERE id = booking;
    length := coalesce(make_interval(mins => own.length_in_minutes), interval '0');
    RETURN (SELECT count(*) FROM (
        SELECT FROM appointments AS first
        WHERE first.ahead >= 0 AND first.status IN ('pending', 'booking', 'retrying', 'held')
            AND first.account_id = own.account_id
            AND first.start_at >= wanted - 4 * length AND first.start_at <= wanted + length
            AND (
                first.start_at = wanted
                OR first.start_at < wanted + length
                AND first.start_at + coalesce(make_interval(mins => first.length_in_minutes), length) > wanted
            )
            AND (first.line_at, first.id) < (place, booking)
            AND (first.event_type_id, first.event_type_slug, first.username, first.team_slug, first.organization_slug)
            IS NOT DISTINCT FROM
            (own.event_type_id, own.event_type_slug, own.username, own.team_slug, own.organization_slug)
            AND is_on_the_way(first) AND first.probe_failures < 2
        UNION ALL
        SELECT FROM booking_changes AS move
        JOIN appointments AS first ON first.id = move.appointment_id
        WHERE move.kind = 'reschedule' AND move.status IN ('pending', 'changing', 'retrying', 'held')
            AND move.start_at = wanted AND move.account_id = own.account_id
            AND move.line_at < place AND first.id <> booking
            AND (first.event_type_id, first.event_type_slug, first.username, first.team_slug, first.organization_slug)
            IS NOT DISTINCT FROM
            (own.event_type_id, own.event_type_slug, own.username, own.team_slug, own.organization_slug)
            AND NOT first.cancel_requested
            AND (move.status <> 'held' OR move.held_for = 'line')
        LIMIT most
    ) AS found);
END
$$;
