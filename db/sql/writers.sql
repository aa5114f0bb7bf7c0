-- Who is writing bookings or their events just now, by transaction: from the first statement that might until it has
-- ended and everybody sees what it did. Locks can be read by everybody, and cost nothing to those who hold them.
SELECT DISTINCT virtualtransaction
FROM pg_locks
WHERE locktype = 'relation'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation IN (CAST('appointments' AS regclass), CAST('appointment_events' AS regclass))
    AND mode = 'RowExclusiveLock'
