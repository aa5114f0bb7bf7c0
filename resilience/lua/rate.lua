-- Fragment: the rate limit, our own and what Cal.com tells of its count.
-- KEYS    1 breaker
-- ARGV    none of its own
-- Returns nothing; leaves `rate`, `level`, `rate_wait`, `rate_take`, `rate_learn` and `rate_block`.
-- Why     burst + refill stay under the limit in any window, wherever the other side's window begins. Whole numbers
--         only (a call costs `per`, a millisecond earns `refill`), so that Lua and Python count alike.
local rate = {
  level = tonumber(known[5]) or burst * per, at = tonumber(known[6]) or now, shut = tonumber(known[7]) or 0,
  grants = tonumber(known[8]) or 0, quota = tonumber(known[9]) or 0, quota_ends = tonumber(known[10]) or 0,
}

local function level()
  return math.min(burst * per, rate.level + math.max(0, now - rate.at) * refill)
end

local function rate_wait() -- ms until the next call may go; 0: now
  if now < rate.shut then
    return rate.shut - now
  end
  if now < rate.quota_ends and rate.quota - rate.grants <= reserve then
    return rate.quota_ends - now
  end
  if refill > 0 and level() < per then
    return math.ceil((per - level()) / refill)
  end
  return 0
end

local function rate_take()
  rate.level, rate.at, rate.grants = math.max(0, level() - per), now, rate.grants + 1
  put('level', rate.level)
  put('level_at', now)
  put('grants', rate.grants)
end

-- ceiling: the grant at which the other side's count will be used up; left: ms until that count begins anew
local function rate_learn(ceiling, left)
  local ends, slack = now + left, per / 12 -- resets are told in whole seconds, answers arrive late
  if left <= 0 or ends < rate.quota_ends - slack then -- nothing told, or told of a window before
    return
  end
  if ends <= rate.quota_ends + slack then
    ceiling, ends = math.min(ceiling, rate.quota), math.max(ends, rate.quota_ends)
  end
  rate.quota, rate.quota_ends = ceiling, ends
  put('quota', ceiling)
  put('quota_ends', ends)
end

local function rate_block(ms)
  rate.shut = math.max(rate.shut, now + ms)
  put('shut', rate.shut)
end
