-- Fragment: the rate limit of one key. A call needs both: our own limit (GCRA), and the limit that the service reports in its headers.
-- KEYS    RATE (hash); times in ms   tat: us, the theoretical arrival time   throttled_until: after a 429 no call goes before then
--         refused: 429s in a row   limit: calls in one window of the service (0: not known)   remaining: the fewest reported
--         in this window (-1: none yet)   resets_at: the window's end   window: its number   granted, answered: our calls in it
--         granted_before, answered_before: in the window before   carried_over: calls in flight when this window began
--         foreign: others' calls   exhausted: 1: the window is used up   scout: 1: one call goes first   scout_at: when that went
--         longest: the longest reported time to a window's end under this limit, about the length of a window
-- Why     GCRA, the generic cell rate algorithm (ITU-T I.371, virtual scheduling; over Redis as in redis-cell and throttled, and
--         Brandur Leach, "Rate Limiting, Cells, and GCRA"): a call moves tat by emission_interval and may go while tat is at most
--         burst_tolerance ahead: burst and refill together stay within the limit in any window, wherever the service's window
--         begins. The service counts a call before its work for the call, so the calls left only fall within a window: the lowest
--         report is the newest, in any order of the answers. So the calls that may go are the lowest report, less the calls in
--         flight and a reserve. After a window that was used up or shared, one call goes first.
local MAX_THROTTLE = 3600000 -- the most ms that a 429 may stop us, also if a clock was set back
local POLL_AFTER, SCOUT_TIMEOUT = 250, 5000 -- ms until the next try (an answer may free a call); ms to wait for a scout

local function quota_set(quota, name, value)
  if quota[name] ~= value then
    quota[name] = value
    quota.writes[#quota.writes + 1] = name
    quota.writes[#quota.writes + 1] = value
  end
end

local function quota_save(quota)
  if #quota.writes > 0 then
    redis.call('HSET', quota.key, unpack(quota.writes))
    -- Of one of several accounts: at rest it has no key here. Once in a window is enough; window 0: nothing has begun one.
    if (quota.begun or quota.window == 0) and string.find(quota.key, ':rate:', 1, true) then
      redis.call('PEXPIRE', quota.key, KEPT)
    end
  end
end

-- ms from the reported end until a call goes; ms by which two reports of that end may differ
local function window_length(quota)
  return quota.longest > 0 and quota.longest or setting.rate_window
end
local function reset_margin(quota)
  return math.floor(math.min(setting.rate_window / 200, window_length(quota) / 20))
end
local function clock_tolerance(quota)
  return math.floor(math.min(setting.rate_window / 40, window_length(quota) / 2))
end

local function clamp(quota, name, latest) -- a later time shows that a clock was set back: it is replaced
  quota_set(quota, name, math.min(quota[name], latest))
end

-- emission_interval, burst_tolerance: us; 0: no limit of our own
local function load_quota(key, emission_interval, burst_tolerance)
  local stored = redis.call('HMGET', key, 'tat', 'throttled_until', 'refused', 'limit', 'remaining', 'resets_at', 'window', 'granted',
    'answered', 'granted_before', 'answered_before', 'carried_over', 'foreign', 'exhausted', 'scout', 'scout_at', 'longest')
  local quota = {
    key = key, emission_interval = emission_interval, burst_tolerance = burst_tolerance, writes = {},
    tat = (stored[1] or 0) + 0, throttled_until = (stored[2] or 0) + 0, refused = (stored[3] or 0) + 0,
    limit = (stored[4] or 0) + 0, remaining = (stored[5] or -1) + 0, resets_at = (stored[6] or 0) + 0,
    window = (stored[7] or 0) + 0, granted = (stored[8] or 0) + 0, answered = (stored[9] or 0) + 0,
    granted_before = (stored[10] or 0) + 0, answered_before = (stored[11] or 0) + 0, carried_over = (stored[12] or 0) + 0,
    foreign = (stored[13] or 0) + 0, exhausted = (stored[14] or 0) + 0, scout = (stored[15] or 0) + 0,
    scout_at = (stored[16] or 0) + 0, longest = (stored[17] or 0) + 0,
  }
  if emission_interval > 0 then
    clamp(quota, 'tat', now * 1000 + burst_tolerance + emission_interval)
  end
  clamp(quota, 'throttled_until', now + MAX_THROTTLE)
  clamp(quota, 'resets_at', now + setting.rate_window + clock_tolerance(quota))
  return quota
end

local function backlog(quota) -- us by which our calls are ahead of an even pace
  return math.max(0, quota.tat - now * 1000)
end

local function in_flight(quota) -- a call without a record counts for two windows at most
  return quota.granted - quota.answered + quota.granted_before - quota.answered_before
end

local function start_window(quota, resets_at, remaining, granted, carried_over)
  quota.begun = true
  quota_set(quota, 'window', quota.window + 1)
  quota_set(quota, 'resets_at', resets_at)
  quota_set(quota, 'remaining', remaining)
  quota_set(quota, 'granted', granted)
  quota_set(quota, 'answered', 0)
  quota_set(quota, 'carried_over', carried_over)
end

local function next_window(quota)
  quota_set(quota, 'scout', (quota.exhausted == 1 or quota.foreign > 0) and 1 or 0)
  quota_set(quota, 'exhausted', 0)
  quota_set(quota, 'foreign', 0)
  quota_set(quota, 'granted_before', quota.granted)
  quota_set(quota, 'answered_before', quota.answered)
  start_window(quota, now + setting.rate_window, -1, 0, quota.granted - quota.answered)
end

local function scouting(quota)
  return quota.scout == 1 and quota.remaining == -1 and quota.limit > 0
end

local function reported_room(quota) -- calls that the service's count leaves to us
  local reserve = math.min(math.max(1, math.floor(quota.limit / 20)), quota.limit - 1)
  return (quota.remaining == -1 and quota.limit or quota.remaining) - in_flight(quota) - reserve
end

local function quota_wait(quota) -- ms until the next call may go; 0: now
  if now < quota.throttled_until then
    return quota.throttled_until - now
  end
  if now >= quota.resets_at then
    next_window(quota)
  end
  if scouting(quota) and now - SCOUT_TIMEOUT < quota.scout_at and quota.scout_at <= now then
    return POLL_AFTER
  end
  if quota.limit > 0 and reported_room(quota) <= 0 then
    quota_set(quota, 'exhausted', 1)
    return in_flight(quota) > 0 and math.min(POLL_AFTER, quota.resets_at - now) or quota.resets_at - now
  end
  if quota.emission_interval > 0 and backlog(quota) > quota.burst_tolerance then
    return math.ceil((backlog(quota) - quota.burst_tolerance) / 1000)
  end
  return 0
end

local function quota_take(quota)
  if quota.emission_interval > 0 then
    quota_set(quota, 'tat', now * 1000 + backlog(quota) + quota.emission_interval)
  end
  quota_set(quota, 'granted', quota.granted + 1)
  if scouting(quota) then
    quota_set(quota, 'scout_at', now)
  end
end

local function apply_headers(quota, window, at, limit, remaining, reset) -- reset: ms until the window ends, as reported
  local resets_at = at + reset + reset_margin(quota)
  if quota.remaining == -1 and window == quota.window then
    if math.abs(resets_at - now) > clock_tolerance(quota) then -- a window that ends now says nothing of the new one
      quota_set(quota, 'remaining', remaining)
    end
    quota_set(quota, 'resets_at', resets_at)
  elseif math.abs(resets_at - quota.resets_at) <= clock_tolerance(quota) then
    quota_set(quota, 'remaining', math.min(quota.remaining == -1 and remaining or quota.remaining, remaining))
    quota_set(quota, 'resets_at', math.min(quota.resets_at, resets_at))
  elseif resets_at > quota.resets_at then -- the service has begun a later window; reports of an older one are ignored
    start_window(quota, resets_at, remaining, in_flight(quota), 0)
    quota_set(quota, 'granted_before', 0)
    quota_set(quota, 'answered_before', 0)
  end
  if quota.remaining ~= -1 then -- a late answer cannot raise `foreign`: `remaining` is the lowest report
    quota_set(quota, 'foreign', math.max(quota.foreign, limit - quota.remaining - quota.granted - quota.carried_over))
  end
end

-- Record the outcome of a call granted at `at` in `window` (-1: it had no permit). For a 429 see throttle.lua, too.
local function quota_record(quota, outcome, window, at, limit, remaining, reset)
  if window == quota.window then
    quota_set(quota, 'answered', quota.answered + 1)
  elseif window >= 0 and window == quota.window - 1 then
    quota_set(quota, 'answered_before', quota.answered_before + 1)
  end
  if at == quota.scout_at then
    quota_set(quota, 'scout_at', 0)
  end
  if outcome == 'success' and at >= quota.throttled_until then
    quota_set(quota, 'refused', 0)
  end
  if limit > 0 then -- a 429 has these headers, too
    quota_set(quota, 'longest', math.max(limit == quota.limit and quota.longest or 0, reset))
    quota_set(quota, 'limit', limit)
  end
  if limit > 0 and outcome ~= 'throttled' then
    apply_headers(quota, window, at, limit, remaining, reset)
  end
end

local quota = load_quota(RATE, setting.emission_interval, setting.burst_tolerance)
