-- Fragment: a 429, which holds the whole fleet, and what ends that before the time it asked for.
-- KEYS    RATE: as quota.lua   throttled_at: when the last 429 was reported
-- Why     the wait is the service's wish, and may be a day by mistake. From a minute on (trial_every) one harmless call at a
--         time, as for a refused key (blocks.lua), finds out whether the service answers again; an operator may know it, too.
local function apply_429(at, wait) -- of a call granted at that moment; wait: ms, as it asked
  if at >= quota.throttled_until then -- of a call that was given after the last one was over
    quota_set('refused', quota.refused + 1)
  end
  local least = math.min(1000 * 2 ^ (quota.refused - 1), setting.rate_window)
  local pause = math.min(math.max(wait, least), MAX_THROTTLE) + reset_margin
  quota_set('throttled_until', math.max(quota.throttled_until, at + pause))
  quota_set('throttled_at', now)
  quota_set('resets_at', quota.throttled_until)
  quota_set('exhausted', 1)
  quota_set('remaining', 0)
end

local function may_try_again() -- math.abs: a clock that was set back puts it off by no more
  local told_at = redis.call('HGET', RATE, 'throttled_at') or 0
  return now < quota.throttled_until and math.abs(now - told_at) >= setting.trial_every
end

local function end_throttle() -- then what is held goes at the limit's pace, one call first
  if now < quota.throttled_until then
    quota_set('throttled_until', 0)
    quota_set('refused', 0)
    next_window()
  end
end

local function throttle_by(outcome, trial, granted_at, wait)
  if outcome == 'throttled' then
    apply_429(granted_at, wait)
  elseif outcome == 'success' and trial then
    end_throttle()
  end
end
