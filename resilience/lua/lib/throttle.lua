-- Fragment: a 429, which stops the whole fleet, and what ends that stop earlier than the service wants.
-- KEYS    RATE: as quota.lua   throttled_at: when the last 429 was recorded
-- Why     the service sets the wait, which may be a day by mistake. After a minute (trial_every) one harmless call at a time
--         is the trial, as for a refused key (blocks.lua); its success ends the wait. An operator can end the wait, too.
local function apply_429(quota, at, wait) -- at: when the call was granted; wait: ms that the service wants
  if at >= quota.throttled_until then -- the call was granted after the last wait
    quota_set(quota, 'refused', quota.refused + 1)
  end
  local least = math.min(1000 * 2 ^ (quota.refused - 1), setting.rate_window)
  local pause = math.min(math.max(wait, least), MAX_THROTTLE) + reset_margin(quota)
  quota_set(quota, 'throttled_until', math.max(quota.throttled_until, at + pause))
  quota_set(quota, 'throttled_at', now)
  quota_set(quota, 'resets_at', quota.throttled_until)
  quota_set(quota, 'exhausted', 1)
  quota_set(quota, 'remaining', 0)
end

local function may_try_again(quota) -- math.abs: also if a clock was set back
  local recorded_at = redis.call('HGET', quota.key, 'throttled_at') or 0
  return now < quota.throttled_until and math.abs(now - recorded_at) >= setting.trial_every
end

local function end_throttle(quota) -- then held work goes at the limit's pace, one call first
  if now < quota.throttled_until then
    quota_set(quota, 'throttled_until', 0)
    quota_set(quota, 'refused', 0)
    next_window(quota)
  end
end

local function throttle_by(quota, outcome, trial, granted_at, wait)
  if outcome == 'throttled' then
    apply_429(quota, granted_at, wait)
  elseif outcome == 'success' and trial then
    end_throttle(quota)
  end
end
