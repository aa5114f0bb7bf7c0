-- Read: the counts of the last five minutes (call_stats.lua).
-- Returns now, the counts
-- Why     the counts and the time must belong to one moment.
return { now, redis.call('HGETALL', COUNTS) }
