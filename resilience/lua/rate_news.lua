-- Fragment: what answers tell of the rate limit.
-- KEYS    1 rate
-- ARGV    none of its own
-- Returns nothing; leaves `rate_learn` and `rate_block`.
-- Why     others may call with the same key: Cal.com's count is the true one.

-- ceiling: the grant at which the other side's count will be used up; left: ms until that count begins anew
local function rate_learn(ceiling, left)
  local ends, slack = now + left, per / 12 -- resets are told in whole seconds, answers arrive late
  if left <= 0 or ends < quota_ends - slack then -- nothing told, or told of a window before
    return
  end
  if ends <= quota_ends + slack then
    ceiling, ends = math.min(ceiling, quota), math.max(ends, quota_ends)
  end
  quota, quota_ends = ceiling, ends
  redis.call('HSET', KEYS[1], 'quota', quota, 'quota_ends', quota_ends)
end

local function rate_block(ms)
  shut = math.max(shut, now + ms)
  redis.call('HSET', KEYS[1], 'shut', shut)
end
