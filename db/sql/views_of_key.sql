-- Read a page of the bookings that an API key has asked for, the newest first, as their callers see them. `most` rows are
-- looked at, however few of them fit: a page may have none (one row without an id), and the next one goes on below
-- `walked_to`; null: there is no further row.
WITH walked AS (
    SELECT *
    FROM appointments
    WHERE api_key_id = CAST(:api_key AS bigint) AND id < CAST(:below AS bigint)
    ORDER BY id DESC
    LIMIT CAST(:most AS integer)
)
SELECT /* columns */, walked_to
FROM (SELECT CASE WHEN count(*) = CAST(:most AS integer) THEN min(id) END AS walked_to FROM walked) AS looked
LEFT JOIN (
    SELECT *
    FROM walked
    WHERE (CAST(:statuses AS text[]) IS NULL OR status = ANY (CAST(:statuses AS text[])))
        AND (CAST(:event_type AS bigint) IS NULL OR event_type_id = CAST(:event_type AS bigint))
        AND (CAST(:starts AS timestamptz) IS NULL OR coalesce(booked_start_at, start_at) >= CAST(:starts AS timestamptz))
        AND (CAST(:ends AS timestamptz) IS NULL OR coalesce(booked_start_at, start_at) < CAST(:ends AS timestamptz))
    ORDER BY id DESC
    LIMIT CAST(:limit AS integer)
) AS own ON true
ORDER BY id DESC
