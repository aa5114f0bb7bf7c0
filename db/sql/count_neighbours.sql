-- Write how many accounts of each service are not closed, and whether an account is the only one, into those for which that
-- has changed: with a new version, so that each worker's next claim hears of it. One at a time (accounts.lock_all).
WITH counted AS (
    SELECT
        id,
        count(*) OVER () = 1 AS alone,
        count(*) OVER (PARTITION BY service) AS neighbours
    FROM calcom_accounts
    WHERE state <> 'closed'
)
UPDATE calcom_accounts AS account
SET alone = counted.alone, neighbours = counted.neighbours, version = version + 1, updated_at = now()
FROM counted
WHERE account.id = counted.id
    AND (account.alone, account.neighbours) IS DISTINCT FROM (counted.alone, CAST(counted.neighbours AS integer))
