-- Name the Cal.coms of the accounts that are not closed, each with its address (null: that of the settings). From one to the next
-- by the index: it costs as much as there are Cal.coms.
WITH RECURSIVE one AS (
    (SELECT service, base_url FROM calcom_accounts WHERE state <> 'closed' ORDER BY service LIMIT 1)
    UNION ALL
    SELECT following.service, following.base_url
    FROM one
    CROSS JOIN LATERAL (
        SELECT service, base_url
        FROM calcom_accounts
        WHERE service > one.service AND state <> 'closed'
        ORDER BY service
        LIMIT 1
    ) AS following
)
SELECT service, base_url FROM one ORDER BY service
