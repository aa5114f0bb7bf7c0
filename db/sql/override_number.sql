-- Let the numbers of overrides go on from the clock: the breaker obeys no number twice, and none below one that it has
-- obeyed. A count that begins at 1 again (the tables were dropped and made again, or a backup was restored) would have
-- every override ignored. In milliseconds: exact in the doubles that Redis's scripts count with, for 280,000 years.
-- nextval first, so that a clock that was set back repeats none. After lock_overrides.sql: else two at once might move the
-- count on to the same number.
SELECT setval(
    sequence,
    greatest(nextval(sequence), CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))
)
FROM (SELECT CAST(pg_get_serial_sequence('breaker_overrides', 'id') AS regclass) AS sequence) AS overrides
