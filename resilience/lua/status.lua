-- Look: everything that is known, changing nothing.
-- KEYS    as clock.lua
-- ARGV    none of its own
-- Returns known, now, the breaker's fields, the rate's, the counts, released and waiting, released and being sent | forgotten
-- Why     one moment, not five.
if not born then
  return { 'forgotten' }
end
return {
  'known', now, redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]),
  redis.call('ZCOUNT', KEYS[5], '(' .. now, '+inf'), redis.call('ZCOUNT', KEYS[6], '(' .. now, '+inf'),
}
