-- Look: everything that is known, changing nothing.
-- Returns known, now, the breaker's fields, the rate limit's, released and waiting, released and being sent, how many calls
--         the limits leave (-1: there is none) and until when, ms | forgotten
-- Why     one moment, not five.
if not generation then
  return { 'forgotten' }
end
local rate, left = redis.call('HGETALL', RATE), 0
quota_wait() -- as one who asks now would be told: a window that is over gives way to the next; nothing of it is written
if now >= quota.throttled_until then
  left = math.huge
  if emission_interval > 0 then -- those that may go at once, and those whose turn comes until then
    left = math.ceil((burst_tolerance - backlog() + (quota.resets_at - now) * 1000) / emission_interval)
  end
  left = math.max(0, math.min(left, quota.limit > 0 and reported_room() or math.huge))
end
return {
  'known', now, redis.call('HGETALL', BREAKER), rate,
  redis.call('ZCOUNT', RELEASED, '(' .. now, '+inf'), redis.call('ZCOUNT', SENDING, '(' .. now, '+inf'),
  left == math.huge and -1 or left, math.max(quota.resets_at, quota.throttled_until),
}
