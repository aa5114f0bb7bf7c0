-- Look: the last five minutes, as call_stats.lua keeps them.
-- Returns now, the counts
-- Why     they and the time they are seen from belong together.
return { now, redis.call('HGETALL', COUNTS) }
