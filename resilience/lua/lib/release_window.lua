-- Fragment: the release window: how many items of held work may be under way. It belongs to the endpoint whose work is held; reads
-- have no window.
-- KEYS    RELEASED: items that wait for their permit   SENDING: items that are being sent (both: item by the end of its lease, which
--         in RELEASED began when the item was released)   BREAKER: window: its size   fence: the epochs (epoch_fence) in which it grew
--         halved: ms when it was last halved   used: ms of the last release after which at least half of it was under way
--         fits: how many were sent at once, the most since an item last waited for a worker; 0: none has waited
--         answered, SENDERS: see overtaken.lua
--         The keys of an endpoint's own window end with its name, and so do these fields.
-- Why     one item goes, then two, four, ...: no stampede after an outage. It grows only while half of it is used and each item is
--         taken at once, so it stops at what the workers can do: more would lie in the broker. A success comes a call later than its
--         item was taken. So what was sent at once while another item waited is remembered: so many threads are there, and the
--         window grows to a quarter more. Failures halve it, but a round of them only once: otherwise 3 failures of 100 calls would
--         keep a large fleet idle. After each change of state, and if nobody takes an item, it starts again at the least size: one,
--         or the threshold if only a part of the service works, or only its answers do not come. Otherwise a service that fails
--         every second call would keep the window at one, and its working part would be idle.
local QUICK, LATE = 250, 2000 -- ms from an item's release until it is taken: so long it may grow; after so long it is halved
local LINE = string.match(RELEASED, ':released(:.+)$') or '' -- of an endpoint's own window
local epoch_fence, window, halved, used, fits, answered

local function resize(size)
  window = size
  put('window' .. LINE, size)
end

local function least()
  return (is_mixed(service) or is_mixed(endpoint) or does_what_is_unclear()) and setting.threshold or 1
end

local function stop_sending(item) -- free its place; return whether it had one
  redis.call('HDEL', SENDERS, item)
  return redis.call('ZREM', SENDING, item) == 1
end

local function drop(places, from, to) -- free the places with such scores; return how many
  local items = redis.call('ZRANGEBYSCORE', places, from, to)
  for _, item in ipairs(items) do
    redis.call('ZREM', places, item)
    redis.call('HDEL', SENDERS, item)
  end
  return #items
end

local function load_window()
  if not window then
    epoch_fence, window, halved, used, fits, answered = unpack(redis.call('HMGET', BREAKER,
      'fence' .. LINE, 'window' .. LINE, 'halved' .. LINE, 'used' .. LINE, 'fits' .. LINE, 'answered' .. LINE))
    window, halved, used, fits = tonumber(window) or 1, tonumber(halved) or 0, tonumber(used) or 0, tonumber(fits) or 0
    answered = tonumber(answered) or 0
  end
  local current_fence = service.epoch .. ',' .. endpoint.epoch
  if epoch_fence ~= current_fence then
    redis.call('DEL', RELEASED, SENDING, SENDERS)
    epoch_fence = current_fence
    put('fence' .. LINE, epoch_fence)
    fits = 0
    put('fits' .. LINE, fits)
    resize(least())
  end
  for _, places in ipairs({ RELEASED, SENDING }) do
    local lapsed = drop(places, '-inf', now)
    if lapsed > 0 and places == RELEASED then -- nobody took them: there may be no worker
      resize(least())
    elseif lapsed > 0 then -- the threads that sent them are gone
      resize(math.max(least(), window - lapsed))
    end
    drop(places, '(' .. now + setting.lease_for, '+inf') -- a clock was set back, see expire.lua
  end
end

local function under_way()
  return redis.call('ZCARD', RELEASED) + redis.call('ZCARD', SENDING)
end

local function ceiling(release_max) -- an argument of the script, 0: none
  release_max = tonumber(release_max)
  return release_max > 0 and release_max or math.huge
end

local function let_go_at(item) -- when an item was released that nobody has taken; 0: it has no such place
  local ends = redis.call('ZSCORE', RELEASED, item)
  return ends and ends - setting.lease_for or 0
end

local function halve(since) -- since: when the item was released because of which it is halved
  if since > halved or halved > now then -- once for all that were released before; a later time: a clock was set back
    halved = now
    put('halved' .. LINE, halved)
    resize(math.max(least(), math.floor(window / 2)))
  end
end

local function note_take(since, taken_at) -- when the item was released that is now sent, and taken
  if taken_at - since > LATE then -- more items lie in the broker than the workers can take
    load_window()
    halve(since)
  end
  local sent, known = redis.call('ZCARD', SENDING) + 1, tonumber(redis.call('HGET', BREAKER, 'fits' .. LINE)) or 0
  if taken_at == now and (now - since > QUICK or known > 0 and known < sent) then -- else others may be looked up, not sent
    put('fits' .. LINE, sent)
  end
end

local function fitting() -- the size up to which successes of calls make it grow
  return fits > 0 and fits * 5 / 4 or math.huge
end

local function note_use(places) -- how many the last released item finds taken, itself included
  if places * 2 >= window then
    put('used' .. LINE, now)
  end
end

local function grow(since, taken_at, most) -- since, taken_at: when the item of a success was released, and taken; most: the ceiling
  local quick, is_used = taken_at - since <= QUICK, since <= used and used <= now -- a later time: a clock was set back
  if quick and is_used and window < most then -- one more a success: it doubles in each round
    resize(window + 1)
  end
end
