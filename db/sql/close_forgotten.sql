-- Close in the record what Redis has forgotten: a breaker that begins again tells of the service's own, and knows of no
-- endpoint's and no account's that was open before; without this the report would show it open until its next change. As
-- often as it is told: a second time finds its row there.
INSERT INTO circuit_breaker_events (service, endpoint, account_id, old_state, new_state, reason, epoch, created_at)
SELECT service, endpoint, account_id, new_state, 'closed', 'begun', :epoch, :at
FROM (
    SELECT DISTINCT ON (endpoint, account_id) service, endpoint, account_id, new_state
    FROM circuit_breaker_events
    WHERE service = :service AND endpoint IS NOT NULL AND created_at < :at
    ORDER BY endpoint, account_id, created_at DESC, epoch DESC
) AS newest
WHERE new_state <> 'closed'
ON CONFLICT ON CONSTRAINT circuit_breaker_events_once DO NOTHING
RETURNING endpoint, new_state, account_id
