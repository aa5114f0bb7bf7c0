-- Rows and bytes of our tables, without counting millions of rows: PostgreSQL's own estimate, scaled by the growth since
-- then, as its planner does. Small tables, whose estimate may be missing (-1), are counted by the caller.
SELECT
    relname,
    CAST(greatest(reltuples, 0) / greatest(relpages, 1) * (heap / current_setting('block_size')::bigint) AS bigint) AS estimate,
    heap,
    pg_total_relation_size(oid) AS bytes
FROM pg_class
CROSS JOIN LATERAL pg_relation_size(oid) AS heap
WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace) AND relname = ANY (:tables)
ORDER BY bytes DESC, relname
