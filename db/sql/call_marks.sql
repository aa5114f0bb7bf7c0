-- The newest call mark of each of these bookings, or its end (not_called). A mark is about one booking: the index
-- operator_actions_calls has the first id alone. The kinds are literals: else no partial index serves a prepared statement.
SELECT DISTINCT ON (ids[1]) ids[1] AS booking_id, action, who, asked_at
FROM operator_actions
WHERE action IN ('called', 'not_called') AND ids[1] = ANY(CAST(:ids AS bigint[]))
ORDER BY ids[1], id DESC
