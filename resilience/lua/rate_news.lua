-- Fragment: what answers tell of Cal.com's own count of our calls.
-- KEYS    1 rate
-- ARGV    6 slack: ms by which two tellings of one window may differ (whole seconds are told, answers arrive late)
-- Returns nothing; leaves `rate_learn`.
-- Why     others may call with the same key: Cal.com's count is the true one. A ceiling that sinks within a window says how
--         fast they call.
local slack = tonumber(ARGV[6])

-- ceiling: the grant at which the other side's count will be used up; left: ms until that count begins anew
local function rate_learn(ceiling, left)
  local ends = now + left
  if left <= 0 or ends < quota_ends - slack then -- nothing told, or told of a window before
    return
  end
  if ends > quota_ends + slack then
    redis.call('HSET', KEYS[1], 'quota', ceiling, 'quota_ends', ends, 'first', ceiling, 'first_at', now)
    quota, quota_ends = ceiling, ends
    return
  end
  if ceiling >= quota and ends <= quota_ends and pull == 0 then -- nothing new
    return
  end
  quota, quota_ends = math.min(ceiling, quota), math.max(ends, quota_ends)
  local first = redis.call('HMGET', KEYS[1], 'first', 'first_at')
  local since = now - (first[2] or now)
  if since >= 3 * slack then
    pull = math.floor((first[1] - quota) * 1000000 / since)
  end
  redis.call('HSET', KEYS[1], 'quota', quota, 'quota_ends', quota_ends, 'pull', pull)
end
