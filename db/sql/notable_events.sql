-- Sum up what operators must hear of since a moment. A plain read; the words stand here as literals, so that the partial
-- index serves the prepared statement, too. A test holds them to events.NOTABLE.
SELECT kind, count(*) AS count, max(created_at) AS last_at, min(appointment_id) AS first_id,
    (array_agg(appointment_id ORDER BY id DESC))[1:50] AS ids, (array_agg(id ORDER BY id DESC))[1:50] AS events
FROM appointment_events
WHERE kind IN ('told_not_booked', 'series_cut', 'cancel_there', 'made_again', 'change_needs_you')
    AND kind = ANY (CAST(:kinds AS text[]))
    AND created_at >= :since
GROUP BY kind
