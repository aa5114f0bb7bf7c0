-- Status: return everything that is known, and change nothing.
-- Returns known, now, the breaker's fields, the rate limit's, those of the account's key, how many released items wait for their permit, how many are being
--         sent, how many calls the limits allow (-1: no limit) and until when, ms | forgotten
-- Why     all values must be of one moment.
if not generation then
  return { 'forgotten' }
end
local rate, left = redis.call('HGETALL', RATE), 0
quota_wait(quota) -- as for a call now: the next window begins if one is over; nothing of that is written
if now >= quota.throttled_until then
  left = math.huge
  if quota.emission_interval > 0 then -- calls that may go at once, and those whose turn comes by `resets_at`
    left = math.ceil((quota.burst_tolerance - backlog(quota) + (quota.resets_at - now) * 1000) / quota.emission_interval)
  end
  left = math.max(0, math.min(left, quota.limit > 0 and reported_room(quota) or math.huge))
end
return {
  'known', now, redis.call('HGETALL', BREAKER), rate, OWN and redis.call('HGETALL', OWN) or {},
  redis.call('ZCOUNT', RELEASED, '(' .. now, '+inf'), redis.call('ZCOUNT', SENDING, '(' .. now, '+inf'),
  left == math.huge and -1 or left, math.max(quota.resets_at, quota.throttled_until),
}
