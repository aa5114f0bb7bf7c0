-- Fragment: the rate limit: our own, and below it what the service tells of its count of our calls.
-- KEYS    RATE (hash), times in ms, but for paid_until:
--         paid_until: us; the theoretical arrival time of GCRA   shut, refused: until when nothing goes after a 429, how many
--         in a row   limit, left, ends: what was told: calls a window (0: nothing), the fewest left in this window (-1: not
--         told yet), its end   window: its number   granted, answered, granted_before, answered_before: our calls in this
--         window and in the one before   carried: those in flight when this one began   others: calls that are not ours
--         spent: 1: we used this one up   scout, scout_at: 1: one call goes first and hears what is left; when it went
-- Why     The service counts a call before its work, so what an answer tells is as old as the call was long; but within a
--         window its count only sinks: the smallest heard is the newest, in whatever order answers come. So what may go is the
--         smallest heard, less what is in flight, less a reserve for others. After a window that was used up, or in which
--         others were seen, or a 429, one call goes first. Our own limit is GCRA, the generic cell rate algorithm (ITU-T
--         I.371): burst and refill together stay under it in any window, wherever the service's own begins.
local LONGEST = 3600000 -- ms that a 429 may shut us out: a clock that was set back must not do so for longer
local AGAIN = 250 -- ms after which to ask again, when an answer may have made room
local SCOUT = 5000 -- ms after which a scout that was not heard of is given up
local edge, tolerance = math.floor(setting.rate_window / 200), math.floor(setting.rate_window / 40) -- by which two tellings of one moment may differ

local told = redis.call('HMGET', RATE, 'paid_until', 'shut', 'refused', 'limit', 'left', 'ends', 'window', 'granted',
  'answered', 'granted_before', 'answered_before', 'carried', 'others', 'spent', 'scout', 'scout_at')
local quota = {
  paid_until = (told[1] or 0) + 0, shut = math.min((told[2] or 0) + 0, now + LONGEST), refused = (told[3] or 0) + 0,
  limit = (told[4] or 0) + 0, left = (told[5] or 0) + 0,
  ends = math.min((told[6] or 0) + 0, now + setting.rate_window + tolerance), window = (told[7] or 0) + 0,
  granted = (told[8] or 0) + 0, answered = (told[9] or 0) + 0, granted_before = (told[10] or 0) + 0,
  answered_before = (told[11] or 0) + 0, carried = (told[12] or 0) + 0, others = (told[13] or 0) + 0,
  spent = (told[14] or 0) + 0, scout = (told[15] or 0) + 0, scout_at = (told[16] or 0) + 0,
}

local quota_writes = {}

local function quota_set(name, value)
  if quota[name] ~= value then
    quota[name] = value
    quota_writes[#quota_writes + 1] = name
    quota_writes[#quota_writes + 1] = value
  end
end

local function quota_save()
  if #quota_writes > 0 then
    redis.call('HSET', RATE, unpack(quota_writes))
  end
end

local function backlog() -- us by which our calls are ahead of an even pace; more than that only by a clock that was set back
  return math.min(math.max(0, quota.paid_until - now * 1000), setting.depth + setting.gap)
end

local function in_flight() -- of a report that is lost nothing is left after two windows
  return quota.granted - quota.answered + quota.granted_before - quota.answered_before
end

local function begin_window(ends, left, carried)
  quota_set('window', quota.window + 1)
  quota_set('ends', ends)
  quota_set('left', left)
  quota_set('granted', 0)
  quota_set('answered', 0)
  quota_set('carried', carried)
end

local function quota_roll()
  if now < quota.ends or now < quota.shut then
    return
  end
  quota_set('scout', (quota.spent == 1 or quota.others > 0) and 1 or 0)
  quota_set('spent', 0)
  quota_set('others', 0)
  quota_set('granted_before', quota.granted)
  quota_set('answered_before', quota.answered)
  begin_window(now + setting.rate_window, -1, quota.granted - quota.answered)
end

local function scouting()
  return quota.scout == 1 and quota.left == -1 and quota.limit > 0
end

local function told_room() -- calls that its count leaves to us
  local limit = quota.limit
  local reserve = math.min(math.max(1, math.floor(limit / 20)), limit - 1)
  return (quota.left == -1 and limit or quota.left) - in_flight() - reserve
end

local function quota_wait() -- ms until the next call may go; 0: now
  if now < quota.shut then
    return quota.shut - now
  end
  quota_roll()
  if scouting() and now - SCOUT < quota.scout_at and quota.scout_at <= now then
    return AGAIN
  end
  if quota.limit > 0 and told_room() <= 0 then
    quota_set('spent', 1)
    return in_flight() > 0 and math.min(AGAIN, quota.ends - now) or quota.ends - now
  end
  if setting.gap > 0 and backlog() > setting.depth then
    return math.ceil((backlog() - setting.depth) / 1000)
  end
  return 0
end

local function quota_room() -- how many may go now, when nothing stands in the way of one
  local room = math.huge
  if setting.gap > 0 then
    room = math.floor((setting.depth + setting.gap - backlog()) / setting.gap)
  end
  if quota.limit > 0 then
    room = math.min(room, scouting() and 1 or told_room())
  end
  return room
end

local function quota_take()
  quota_set('paid_until', now * 1000 + backlog() + setting.gap)
  quota_set('granted', quota.granted + 1)
  if scouting() then
    quota_set('scout_at', now)
  end
end

local function quota_answered(window, at) -- a call of that window, granted at that moment, has ended
  if window == quota.window then
    quota_set('answered', quota.answered + 1)
  elseif window == quota.window - 1 then
    quota_set('answered_before', quota.answered_before + 1)
  end
  if at == quota.scout_at then
    quota_set('scout_at', 0)
  end
end

local function quota_told(window, at, limit, left, reset) -- reset: ms until its count begins anew, as the answer told
  local ends = at + reset + edge
  quota_set('limit', limit)
  quota_set('refused', 0)
  if quota.left == -1 and window == quota.window then
    if math.abs(ends - now) <= tolerance then -- the scout met the end of the old window
      quota_set('ends', ends)
    else
      quota_set('left', left)
      quota_set('ends', ends)
    end
  elseif math.abs(ends - quota.ends) <= tolerance then
    quota_set('left', math.min(quota.left == -1 and left or quota.left, left))
    quota_set('ends', math.min(quota.ends, ends))
  elseif ends > quota.ends then -- the service's window is a later one; what an older one tells is nothing
    local flight = in_flight()
    begin_window(ends, left, 0)
    quota_set('granted', flight)
    quota_set('granted_before', 0)
    quota_set('answered_before', 0)
  end
  if quota.left ~= -1 then -- answers that overtake each other cannot raise it
    quota_set('others', math.max(quota.others, limit - quota.left - quota.granted - quota.carried))
  end
end

local function quota_refuse(at, wait) -- a 429; wait: ms, as it asked
  if at >= quota.shut then -- of a call that was given after the last one was over
    quota_set('refused', quota.refused + 1)
  end
  local least = math.min(1000 * 2 ^ (quota.refused - 1), setting.rate_window)
  quota_set('shut', math.max(quota.shut, at + math.min(math.max(wait, least), LONGEST) + edge))
  quota_set('ends', quota.shut)
  quota_set('spent', 1)
  quota_set('left', 0)
  end_short_ways()
end
