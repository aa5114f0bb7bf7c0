-- Fragment: the breaker, all of it: read, move, expire, admit, apply an outcome.
--
--     [*] --> closed: Redis is new, or has forgotten (begun)
--     closed --> open: threshold failures in a row (the error type)
--     open --> half_open: its time is over (open_over)
--     half_open --> open: the one probe failed (the error type)
--     half_open --> closed: the one probe succeeded (probe_succeeded)
--     any --> forced_open: the operator's open (forced_open)
--     forced_open --> half_open: its end, or the operator's auto (open_over, automatic_again)
--     any --> off: the operator's off (switched_off)
--     off --> closed: its end, or the operator's auto (off_over, automatic_again)
--     any --> closed: the operator's reset (reset)
--     [*] --> open: as a process remembers it (restored)
--     [*] --> half_open: as a process remembers it (restored)
--     [*] --> forced_open: as a process remembers it (restored)
--     [*] --> off: as a process remembers it (restored)
--
-- Two of them stand one above the other: the service's, and the endpoint's. An operator's open, off and auto are the service's.
-- KEYS    BREAKER: the scopes' fields (an endpoint's begin with its name and '/'), and
--         born: the generation, missing when Redis has forgotten; the first epoch of all   seeded: see begin.lua
--         settings, ordered: of the last who wrote, and the number of the last order obeyed   trial, cleared, blocked:KEY,
--         wrong:CONFIGURATION, page:CONFIGURATION: see blocks.lua   fence, window: see release_window.lua
--         EVENTS: every change of state   SERVICE_FAILURES, ENDPOINT_FAILURES: times of the last failures
-- Why     one step, so that of 64 failures at once exactly one opens the breaker, and one probe goes at a time; each change
--         has its epoch and its event, so that a kill between the two is impossible.
local BUSY = 1000 -- ms after which to ask again, when the one place is not for this call
local NEVER = 1000 -- a threshold above this never trips
-- read

local at = ENDPOINT .. '/'
local stored = redis.call('HMGET', BREAKER, 'born', 'settings', 'ordered', 'cleared', 'trial',
  'blocked:' .. KEY, 'wrong:' .. CONFIGURATION, 'page:' .. CONFIGURATION,
  'state', 'epoch', 'ends', 'opens', 'failures', 'owner', 'lease',
  at .. 'state', at .. 'epoch', at .. 'ends', at .. 'opens', at .. 'failures', at .. 'owner', at .. 'lease')
local born, other_settings, ordered = tonumber(stored[1]), stored[2] or '', (stored[3] or 0) + 0
local cleared, trial, blocked, wrong, page = (stored[4] or 0) + 0, (stored[5] or 0) + 0, stored[6], stored[7], stored[8]

local function scope(name, prefix, state, epoch, ends, opens, failures, owner, lease)
  return {
    name = name, prefix = prefix, state = state or 'closed', epoch = (epoch or born or 0) + 0, ends = (ends or 0) + 0,
    opens = (opens or 0) + 0, failures = (failures or 0) + 0, owner = owner or '', lease = (lease or 0) + 0,
  }
end

local service, endpoint = scope('', '', unpack(stored, 9, 15)), scope(ENDPOINT, at, unpack(stored, 16, 22))

-- move: the one door through which a state changes

local order = { by = '', why = '' } -- whose word a change follows
local context = '' -- of the call that changes a state, JSON
local moved, writes = {}, {}

local function put(field, value)
  writes[#writes + 1] = field
  writes[#writes + 1] = value
end

local function occupy(s, owner, lease)
  s.owner, s.lease = owner, lease
  put(s.prefix .. 'owner', owner)
  put(s.prefix .. 'lease', lease)
end

local function count_failures(s, failures)
  s.failures = failures
  put(s.prefix .. 'failures', failures)
end

local function tell(name, old, new, reason, failures, epoch, ends)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', 1000, '*', 'endpoint', name, 'old', old, 'new', new,
    'reason', reason, 'failures', failures, 'epoch', epoch, 'at', now, 'ends', ends,
    'by', order.by, 'why', order.why, 'context', context)
end

local function move(s, state, ends, opens, reason)
  local old, failures = s.state, s.failures
  s.state, s.ends, s.opens = state, ends, opens
  s.epoch = math.max(s.epoch + 1, now) -- never reused, not even by a Redis that has forgotten
  for _, name in ipairs({ 'state', 'epoch', 'ends', 'opens' }) do
    put(s.prefix .. name, s[name])
  end
  count_failures(s, 0)
  occupy(s, '', 0)
  end_short_ways()
  if state == 'closed' then -- an outage that is over says nothing about what comes
    redis.call('DEL', COUNTS)
  end
  moved[#moved + 1] = { s.name, old, state, s.epoch, reason, failures }
  tell(s.name, old, state, reason, failures, s.epoch, ends)
end

-- expire: what time alone changes; no timer, the first to ask finds it

local function expire(s)
  if s.ends == 0 or now < s.ends then
    return
  elseif s.state == 'off' then
    move(s, 'closed', 0, 0, 'off_over')
  else
    move(s, 'half_open', 0, s.opens, 'open_over')
  end
end

-- admit: what stands in the way of a call ('': nothing), ms to wait (-1: until somebody acts), whether it would be a probe

local function admit_to(s, probe_ok)
  if s.state == 'open' or s.state == 'forced_open' then
    return 'breaker_open', s.ends == 0 and -1 or s.ends - now, false
  elseif s.state == 'half_open' and now < s.lease then
    return 'breaker_open', s.lease - now, false
  elseif s.state == 'half_open' and not probe_ok then
    return 'breaker_open', BUSY, false
  end
  return '', 0, s.state == 'half_open'
end

local function admit_to_both(probe_ok)
  if service.state == 'off' then
    return '', 0, false
  end
  local reason, wait, probing = admit_to(service, probe_ok)
  if reason ~= '' then
    return reason, wait, false
  end
  local also
  reason, wait, also = admit_to(endpoint, probe_ok)
  return reason, wait, probing or also
end

local function take_places(owner)
  for _, s in ipairs({ service, endpoint }) do
    if s.state == 'half_open' then
      occupy(s, owner, now + setting.lease_for)
    end
  end
end

-- apply an outcome: what it says of a scope is 'alive', 'failed', or nil, nothing. The service comes first.

local tripped = false -- when both would, only the service does

local function trip(s, failures, report)
  local length = math.max(setting.open_for * report.stretch * setting.growth ^ s.opens, report.retry_after)
  s.failures, tripped = failures, true
  move(s, 'open', now + math.floor(math.min(length, setting.open_max)), s.opens + 1, report.reason)
end

local function fail(s, failures, report) -- trips when the first of the last `threshold` in a row is at most `span` old
  count_failures(s, s.failures + 1)
  redis.call('LPUSH', failures, now)
  redis.call('LTRIM', failures, 0, NEVER - 1)
  if s.failures >= setting.threshold
    and now - (redis.call('LINDEX', failures, setting.threshold - 1) or 0) <= setting.span then
    trip(s, setting.threshold, report)
  end
end

local function apply(s, failures, verdict, epoch, report) -- epoch 0, owner '': of a report that speaks for now
  local owner = report.owner
  if epoch ~= 0 and epoch ~= s.epoch then -- a call begun before a change of state changes nothing after it
    return
  elseif s.state == 'closed' and verdict == 'failed' and not tripped then
    if setting.threshold <= NEVER then
      fail(s, failures, report)
    end
  elseif s.state == 'closed' and verdict and s.failures > 0 then -- a success, or the service's opening says it all
    count_failures(s, 0)
  elseif s.state == 'half_open' and (owner == '' and verdict or owner ~= '' and owner == s.owner) then
    if verdict == 'alive' then
      move(s, 'closed', 0, 0, 'probe_succeeded')
    elseif verdict == 'failed' and not tripped then
      trip(s, 1, report)
    else -- the place goes back
      occupy(s, '', 0)
    end
  end
end
