-- Look: everything that is known, changing nothing.
-- Returns known, now, the breaker's fields, the rate limit's, released and waiting, released and being sent | forgotten
-- Why     one moment, not five.
if not generation then
  return { 'forgotten' }
end
return {
  'known', now, redis.call('HGETALL', BREAKER), redis.call('HGETALL', RATE),
  redis.call('ZCOUNT', RELEASED, '(' .. now, '+inf'), redis.call('ZCOUNT', SENDING, '(' .. now, '+inf'),
}
