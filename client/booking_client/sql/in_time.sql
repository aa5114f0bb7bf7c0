-- Whether a statement comes in time, as the part of it that is computed first. Its caller waits until then: a lock that another
-- transaction holds is waited for no longer than two thirds of that, so that PostgreSQL itself says what stood in the way, and that nothing is
-- kept. In the caller's own transaction (:not_after is null) his own lock_timeout is in force.
SELECT
    coalesce(now() <= CAST(:not_after AS timestamptz), true) AS in_time,
    CASE WHEN CAST(:not_after AS timestamptz) IS NOT NULL THEN set_config('lock_timeout', ceil(1000 * greatest(0.001, least(
        extract(epoch FROM CAST(:not_after AS timestamptz) - clock_timestamp()) * 2 / 3,
        nullif(extract(epoch FROM CAST(current_setting('lock_timeout') AS interval)), 0)
    )))::text, true) END AS lock_timeout
