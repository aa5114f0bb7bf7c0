-- Fragment: what answers tell of Cal.com's own count of our calls.
-- KEYS    1 rate
-- ARGV    6 slack: ms by which two tellings of one window may differ (whole seconds are told, answers arrive late)
-- Returns nothing; leaves `rate_learn`.
-- Why     others may call with the same key: Cal.com's count is the true one.
local slack = tonumber(ARGV[6])

-- ceiling: the grant at which the other side's count will be used up; left: ms until that count begins anew
local function rate_learn(ceiling, left)
  local ends = now + left
  if left <= 0 or ends < quota_ends - slack then -- nothing told, or told of a window before
    return
  end
  if ends <= quota_ends + slack then
    if ceiling >= quota and ends <= quota_ends then -- nothing new
      return
    end
    ceiling, ends = math.min(ceiling, quota), math.max(ends, quota_ends)
  end
  quota, quota_ends = ceiling, ends
  redis.call('HSET', KEYS[1], 'quota', quota, 'quota_ends', quota_ends)
end
