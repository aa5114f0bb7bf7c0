-- Fragment: the breaker, all of it: read, expire, admit, apply an outcome, move.
--
--                     threshold failures in a row           its time is over
--          +--------+ ------------------------> +------+ -----------------> +-----------+
--          | closed |                           | open |                    | half_open | one probe at a time
--          +--------+ <--+                      +------+ <----------------- +-----------+
--                        |    the probe failed: open again   |
--                        +-----------------------------------+ the probe succeeded: closed
--          An operator's order leads from each of them to forced_open (then half_open), to off (then closed), or to closed.
--
-- Two of them stand one above the other, each by these rules: the service's, and the endpoint's.
-- KEYS    BREAKER: the scopes' fields (an endpoint's begin with its name and '/'), and
--         born: the generation, missing when Redis has forgotten; the first epoch of all
--         settings, ordered: of the last who wrote, and the number of the last order obeyed
--         blocked:KEY: since when the API key is refused   cleared: when such blocks were last lifted
--         wrong:CONFIGURATION: since when these settings lead to something else than the service
--         page:CONFIGURATION: the endpoint where something else answered, and the service has not since
--         trial: when the next call may go that a block lets through
--         EVENTS: every change of state   SERVICE_FAILURES, ENDPOINT_FAILURES: times of the last failures
-- Why     one step, so that of 64 failures at once exactly one opens the breaker, and one probe goes at a time; each change
--         has its epoch and its event, so that a kill between the two is impossible.
local BUSY = 1000 -- ms after which to ask again, when the one place is taken
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

-- write

local order = { by = '', why = '' } -- whose word a change follows
local context = '' -- of the call that changes a state, JSON
local moved, writes = {}, {}

local function put(field, value)
  writes[#writes + 1] = field
  writes[#writes + 1] = value
end

local function save()
  if #writes > 0 then
    redis.call('HSET', BREAKER, unpack(writes))
  end
end

-- Workers of the version before this one pass by without reading the breaker while these entries stand.
local function end_short_ways()
  for _, field in ipairs(redis.call('HKEYS', RATE)) do
    if string.find(field, '^calm/') then
      redis.call('HDEL', RATE, field)
    end
  end
end

local function occupy(s, owner, lease)
  s.owner, s.lease = owner, lease
  put(s.prefix .. 'owner', owner)
  put(s.prefix .. 'lease', lease)
end

-- move: the one door through which a state changes

local function tell(name, old, new, reason, failures, epoch, ends)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', 1000, '*', 'endpoint', name, 'old', old, 'new', new,
    'reason', reason, 'failures', failures, 'epoch', epoch, 'at', now, 'ends', ends,
    'by', order.by, 'why', order.why, 'context', context)
end

local function move(s, state, ends, opens, reason)
  local old, failures = s.state, s.failures
  local epoch = math.max(s.epoch + 1, now) -- never reused, not even by a Redis that has forgotten
  s.state, s.epoch, s.ends, s.opens, s.failures, s.owner, s.lease = state, epoch, ends, opens, 0, '', 0
  for _, name in ipairs({ 'state', 'epoch', 'ends', 'opens', 'failures', 'owner', 'lease' }) do
    put(s.prefix .. name, s[name])
  end
  end_short_ways()
  if state == 'closed' then -- an outage that is over says nothing about what comes
    redis.call('DEL', COUNTS)
  end
  moved[#moved + 1] = { s.name, old, state, epoch, reason, failures }
  tell(s.name, old, state, reason, failures, epoch, ends)
end

local tripped = false

local function trip(s, failures, report)
  local length = math.max(setting.open_for * report.stretch * setting.growth ^ s.opens, report.retry_after)
  s.failures, tripped = failures, true
  move(s, 'open', now + math.floor(math.min(length, setting.open_max)), s.opens + 1, report.reason)
end

-- expire: what time alone changes; no timer, the first to ask finds it

local function expire(s)
  if s.ends == 0 or now < s.ends then
    return
  end
  if s.state == 'off' then
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

local function admit(probe_ok, trying)
  if trying and now < trial then
    return blocked and 'credentials' or 'configuration', trial - now, false
  elseif not trying and (blocked or wrong) then
    return blocked and 'credentials' or 'configuration', -1, false
  elseif service.state == 'off' then
    return '', 0, false
  end
  local reason, wait, probing = admit_to(service, probe_ok)
  if reason == '' then
    local also
    reason, wait, also = admit_to(endpoint, probe_ok)
    probing = probing or also
  end
  return reason, wait, probing
end

local function take_places(owner)
  for _, s in ipairs({ service, endpoint }) do
    if s.state == 'half_open' then
      occupy(s, owner, now + setting.lease_for)
    end
  end
end

-- apply an outcome

local function verdicts(outcome) -- what it says of the service and of its endpoint; nil: nothing
  if outcome == 'success' then
    return 'alive', 'alive'
  elseif outcome == 'failure_endpoint' then
    return 'alive', 'failed'
  elseif outcome == 'failure_service' then -- of both, or healthy reads would hide a dead POST
    return 'failed', 'failed'
  end
end

local function fail(s, failures, report)
  if setting.threshold > 1000 then -- never trips
    return
  elseif tripped then -- the service's opening says it all; the endpoint begins anew
    s.failures = 0
    put(s.prefix .. 'failures', 0)
    return
  end
  s.failures = s.failures + 1
  put(s.prefix .. 'failures', s.failures)
  redis.call('LPUSH', failures, now)
  redis.call('LTRIM', failures, 0, setting.threshold - 1)
  local first = tonumber(redis.call('LINDEX', failures, setting.threshold - 1)) or 0
  if s.failures >= setting.threshold and now - first <= setting.span then
    trip(s, setting.threshold, report)
  end
end

-- verdict: alive, failed, or nil (the permit goes back); epoch 0 and owner '': whoever speaks for now. The service comes
-- first: when both would trip, only it does.
local function apply(s, failures, verdict, epoch, report)
  local owner = report.owner
  if epoch ~= 0 and epoch ~= s.epoch then -- a call begun before a change of state changes nothing after it
    return
  end
  if s.state == 'closed' and verdict == 'failed' then
    fail(s, failures, report)
  elseif s.state == 'closed' and verdict == 'alive' and s.failures > 0 then
    s.failures = 0
    put(s.prefix .. 'failures', 0)
  elseif s.state == 'half_open' and (owner == s.owner and owner ~= '' or owner == '' and verdict) then
    if verdict == 'alive' then
      move(s, 'closed', 0, 0, 'probe_succeeded')
    elseif verdict == 'failed' and not tripped then
      trip(s, 1, report)
    else
      occupy(s, '', 0)
    end
  end
end

-- granted_at: of the call; a block that was lifted since is not put up again by what was on its way
local function apply_block(outcome, trying, granted_at)
  if outcome == 'credentials' and granted_at > cleared then
    blocked = now
    put('blocked:' .. KEY, now)
    end_short_ways()
  elseif outcome == 'configuration' and trying then
    wrong = now
    put('wrong:' .. CONFIGURATION, now)
  elseif outcome == 'configuration' and not page then
    page = ENDPOINT
    put('page:' .. CONFIGURATION, page)
  elseif outcome == 'success' and trying then -- the service takes this key, and it is the service
    redis.call('HDEL', BREAKER, 'blocked:' .. KEY, 'wrong:' .. CONFIGURATION)
    blocked, wrong = false, false
    put('cleared', now)
  elseif outcome == 'success' and page == ENDPOINT then
    redis.call('HDEL', BREAKER, 'page:' .. CONFIGURATION)
    page = false
  end
end

-- What a process must remember, to go on by itself when Redis is gone; clients with other settings are told of each other.
-- The script's own answers follow.
local function view(...)
  if other_settings == SETTINGS then
    other_settings = ''
  else
    put('settings', SETTINGS)
  end
  save()
  return { now, born, other_settings, blocked and 1 or 0, wrong and 1 or 0,
    service.state, service.epoch, service.ends, service.opens,
    endpoint.state, endpoint.epoch, endpoint.ends, endpoint.opens, moved, ... }
end
