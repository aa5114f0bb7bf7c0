-- Empty the details of events that name a person, a part of all events at a time: no index finds a word in them.
-- The words are patterns (db/whole_words.py).
UPDATE appointment_events
SET detail = '{}'
WHERE id > :after AND id <= :last AND appointment_id <> ALL(CAST(:kept AS bigint[]))
    AND (CAST(detail AS text) ~ ANY(CAST(:words AS text[]))
        OR appointment_id = ANY(:ids) AND CAST(detail AS text) ~ ANY(CAST(:names AS text[])))
