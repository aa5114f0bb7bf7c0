-- Fragment: what answers tell of Cal.com's own count of our calls.
-- KEYS    1 rate
-- ARGV    6 slack: ms by which two tellings of one window may differ (whole seconds are told, answers arrive late)
-- Returns nothing; leaves `rate_learn`.
-- Why     others may call with the same key: Cal.com's count is the true one. A ceiling that sinks within a window says
--         how fast they call (`pull`, in 1,000,000 ms); what they will need until its end is left to them.
local slack = tonumber(ARGV[6])

-- ceiling: the grant at which the other side's count will be used up; left: ms until that count begins anew
local function rate_learn(ceiling, left)
  local ends = now + left
  if left <= 0 or ends < cap_ends - slack then -- nothing told, or told of a window before
    return
  end
  local known = redis.call('HMGET', KEYS[1], 'ceiling', 'first', 'first_at', 'pull')
  local first, first_at, pull = (known[2] or ceiling) + 0, (known[3] or now) + 0, (known[4] or 0) + 0
  if ends > cap_ends + slack then -- a new window: others will call as often as in all of the last one
    pull = math.floor((first - (known[1] or ceiling)) * 1000000 / (12 * slack))
    first, first_at = ceiling, now
  else
    ceiling, ends = math.min(ceiling, known[1] or ceiling), math.max(ends, cap_ends)
  end
  if now - first_at >= 3 * slack then -- in this one there has been enough to see
    pull = math.floor((first - ceiling) * 1000000 / (now - first_at))
  end
  cap, cap_ends = ceiling - math.ceil(pull * (ends - now) / 1000000), ends
  redis.call('HSET', KEYS[1], 'cap', cap, 'cap_ends', ends, 'ceiling', ceiling,
    'first', first, 'first_at', first_at, 'pull', pull)
end
