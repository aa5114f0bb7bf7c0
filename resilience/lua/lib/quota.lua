-- Fragment: the rate limit: our own, and below it what the service tells of its count of our calls.
-- KEYS    RATE (hash), times in ms   paid_until: us; the theoretical arrival time of GCRA   shut, refused: until when nothing
--         goes after a 429, how many in a row   limit, left, ends: what was told: calls a window (0: nothing), the fewest left
--         in this window (-1: not told yet), its end   window: its number   granted, answered, granted_before,
--         answered_before: our calls in it and in the one before   carried: those in flight when it began   others: calls that
--         are not ours   spent: 1: we used it up   scout, scout_at: 1: one call goes first and hears what is left; when it went
-- Why     The service counts a call before its work, so what an answer tells is as old as the call was long; but within a
--         window its count only sinks: the smallest heard is the newest, in whatever order answers come. So what may go is the
--         smallest heard, less what is in flight, less a reserve for others. After a window that was used up, or in which
--         others were seen, or a 429, one call goes first. Our own limit is GCRA, the generic cell rate algorithm (ITU-T I.371):
--         burst and refill together stay under it in any window, wherever the service's own begins.
local LONGEST = 3600000 -- ms that a 429 may shut us out: a clock that was set back must not do so for longer
local AGAIN, SCOUT = 250, 5000 -- ms after which an answer may have made room; for which a scout is waited for
local edge = math.floor(setting.rate_window / 200) -- ms from the told end of a window until a call may be sent
local tolerance = math.floor(setting.rate_window / 40) -- ms by which two tellings of one moment may differ

local kept = redis.call('HMGET', RATE, 'paid_until', 'shut', 'refused', 'limit', 'left', 'ends', 'window', 'granted',
  'answered', 'granted_before', 'answered_before', 'carried', 'others', 'spent', 'scout', 'scout_at')
local quota = {
  paid_until = (kept[1] or 0) + 0, shut = (kept[2] or 0) + 0, refused = (kept[3] or 0) + 0, limit = (kept[4] or 0) + 0,
  left = (kept[5] or -1) + 0, ends = (kept[6] or 0) + 0, window = (kept[7] or 0) + 0, granted = (kept[8] or 0) + 0,
  answered = (kept[9] or 0) + 0, granted_before = (kept[10] or 0) + 0, answered_before = (kept[11] or 0) + 0,
  carried = (kept[12] or 0) + 0, others = (kept[13] or 0) + 0, spent = (kept[14] or 0) + 0, scout = (kept[15] or 0) + 0,
  scout_at = (kept[16] or 0) + 0,
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

-- So late only by a clock that was set back: not believed, and forgotten.
if setting.gap > 0 and quota.paid_until > now * 1000 + setting.depth + setting.gap then
  quota_set('paid_until', now * 1000 + setting.depth + setting.gap)
end
if quota.shut > now + LONGEST then
  quota_set('shut', now + LONGEST)
end
if quota.ends > now + setting.rate_window + tolerance then
  quota_set('ends', now + setting.rate_window + tolerance)
end

local function backlog() -- us by which our calls are ahead of an even pace
  return math.max(0, quota.paid_until - now * 1000)
end

local function in_flight() -- of a report that is lost nothing is left after two windows
  return quota.granted - quota.answered + quota.granted_before - quota.answered_before
end

local function begin_window(ends, left, granted, carried)
  quota_set('window', quota.window + 1)
  quota_set('ends', ends)
  quota_set('left', left)
  quota_set('granted', granted)
  quota_set('answered', 0)
  quota_set('carried', carried)
end

local function quota_roll()
  quota_set('scout', (quota.spent == 1 or quota.others > 0) and 1 or 0)
  quota_set('spent', 0)
  quota_set('others', 0)
  quota_set('granted_before', quota.granted)
  quota_set('answered_before', quota.answered)
  begin_window(now + setting.rate_window, -1, 0, quota.granted - quota.answered)
end

local function scouting()
  return quota.scout == 1 and quota.left == -1 and quota.limit > 0
end

local function told_room() -- calls that its count leaves to us
  local reserve = math.min(math.max(1, math.floor(quota.limit / 20)), quota.limit - 1)
  return (quota.left == -1 and quota.limit or quota.left) - in_flight() - reserve
end

local function quota_wait() -- ms until the next call may go; 0: now
  if now < quota.shut then
    return quota.shut - now
  end
  if now >= quota.ends then
    quota_roll()
  end
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
  if setting.gap > 0 then
    quota_set('paid_until', now * 1000 + backlog() + setting.gap)
  end
  quota_set('granted', quota.granted + 1)
  if scouting() then
    quota_set('scout_at', now)
  end
end

local function quota_told(window, at, limit, left, reset) -- reset: ms until its count begins anew, as the answer told
  local ends = at + reset + edge
  if quota.left == -1 and window == quota.window then
    if math.abs(ends - now) > tolerance then -- else the scout met the end of the old window
      quota_set('left', left)
    end
    quota_set('ends', ends)
  elseif math.abs(ends - quota.ends) <= tolerance then
    quota_set('left', math.min(quota.left == -1 and left or quota.left, left))
    quota_set('ends', math.min(quota.ends, ends))
  elseif ends > quota.ends then -- the service's window is a later one; what an older one tells is nothing
    begin_window(ends, left, in_flight(), 0)
    quota_set('granted_before', 0)
    quota_set('answered_before', 0)
  end
  if quota.left ~= -1 then -- answers that overtake each other cannot raise it
    quota_set('others', math.max(quota.others, limit - quota.left - quota.granted - quota.carried))
  end
end

local function quota_refuse(at, wait) -- a 429
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

-- What came of a call of that window (-1: it had no permit), granted at that moment; wait: ms, as a 429 asked.
local function quota_record(outcome, window, at, wait, limit, left, reset)
  if window == quota.window then
    quota_set('answered', quota.answered + 1)
  elseif window >= 0 and window == quota.window - 1 then
    quota_set('answered_before', quota.answered_before + 1)
  end
  if at == quota.scout_at then
    quota_set('scout_at', 0)
  end
  if outcome == 'success' and at >= quota.shut then
    quota_set('refused', 0)
  end
  quota_set('limit', limit > 0 and limit or quota.limit) -- a 429 tells it, too
  if outcome == 'throttled' then
    quota_refuse(at, wait)
  elseif limit > 0 then
    quota_told(window, at, limit, left, reset)
  end
end
