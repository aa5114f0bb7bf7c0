-- Look: everything that is known, changing nothing.
-- KEYS    as clock.lua
-- ARGV    none of its own
-- Returns known, now, the breaker's fields, the rate's, released and waiting, released and being sent | forgotten
-- Why     one moment, not five.
if not born then
  return { 'forgotten' }
end
return {
  'known', now, redis.call('HGETALL', KEYS[4]), redis.call('HGETALL', KEYS[1]), 
  redis.call('ZCOUNT', KEYS[6], '(' .. now, '+inf'), redis.call('ZCOUNT', KEYS[7], '(' .. now, '+inf'),
}
