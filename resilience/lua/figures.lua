-- Look: the last five minutes, as counts.lua keeps them.
-- KEYS    as clock.lua
-- ARGV    none of its own
-- Returns now, the counts
-- Why     they and the time they are seen from belong together.
return { now, redis.call('HGETALL', KEYS[2]) }
