-- Write how many accounts of each service are not closed, as far as `most`, and whether an account is the only one, into those
-- for which that has changed: with a new version, so that each worker's next claim hears of it. More make no difference to
-- anybody, so the thousandth account writes its own row alone. One at a time (accounts.lock_all).
-- Each account is met with its service's count, never with each other account: without statistics of a table that grows in a
-- minute, PostgreSQL would join the accounts with themselves.
WITH counted AS MATERIALIZED (
    SELECT
        service,
        sum(count(*)) OVER () = 1 AS alone,
        least(count(*), :most) AS neighbours
    FROM calcom_accounts
    WHERE state <> 'closed'
    GROUP BY service
)
UPDATE calcom_accounts AS account
SET alone = counted.alone, neighbours = counted.neighbours, version = version + 1, updated_at = now()
FROM counted
WHERE account.service = counted.service
    AND account.state <> 'closed'
    AND (account.alone, least(account.neighbours, :most)) IS DISTINCT FROM (counted.alone, counted.neighbours)
