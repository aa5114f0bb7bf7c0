-- Fragment: the breaker, all of it but what time alone changes (expire.lua): read, move, admit, apply an outcome.
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
--         born: the generation, missing when Redis has forgotten; the first epoch of all   seeded: see restore.lua
--         settings, ordered: of the last who wrote, and the number of the last override applied   trial, cleared, blocked:KEY,
--         wrong:CONFIGURATION, page:CONFIGURATION: see blocks.lua   fence, window: see release_window.lua
--         EVENTS: every change of state   SERVICE_FAILURES, ENDPOINT_FAILURES: times of the last failures
-- Why     one step, so that of 64 failures at once exactly one opens the breaker, and one probe goes at a time; each change
--         has its epoch and its event, so that a kill between the two is impossible.
local BUSY = 1000 -- ms after which to ask again, when the one place is not for this call
local NEVER = 1000 -- a threshold above this never trips
local SHORT = 10 -- by which OPEN is divided while a part of the service works
-- read

local prefix = ENDPOINT .. '/'
local stored = redis.call('HMGET', BREAKER, 'born', 'settings', 'ordered', 'cleared', 'trial',
  'blocked:' .. KEY, 'wrong:' .. CONFIGURATION, 'page:' .. CONFIGURATION,
  'state', 'epoch', 'ends', 'opens', 'failures', 'owner', 'lease', 'mixed_at',
  prefix .. 'state', prefix .. 'epoch', prefix .. 'ends', prefix .. 'opens', prefix .. 'failures', prefix .. 'owner',
  prefix .. 'lease', prefix .. 'mixed_at')
local generation, other_settings, last_override = tonumber(stored[1]), stored[2] or '', (stored[3] or 0) + 0
local unblocked_at, next_trial_at = (stored[4] or 0) + 0, (stored[5] or 0) + 0
local blocked, misconfigured, paged_endpoint = stored[6], stored[7], stored[8]

local function new_scope(name, at, state, epoch, ends, opens, failures, owner, lease, mixed_at)
  return {
    name = name, prefix = at, state = state or 'closed', epoch = (epoch or generation or 0) + 0, ends = (ends or 0) + 0,
    opens = (opens or 0) + 0, failures = (failures or 0) + 0, owner = owner or '', lease = (lease or 0) + 0,
    mixed_at = (mixed_at or 0) + 0, -- when a success last ended a row of failures
  }
end

local service, endpoint = new_scope('', '', unpack(stored, 9, 16)), new_scope(ENDPOINT, prefix, unpack(stored, 17, 24))

-- move: the one door through which a state changes

local override = { by = '', why = '', action = 0 } -- that a change follows
local context = '' -- of the call that changes a state, JSON
local changes, writes = {}, {}

local function put(field, value)
  writes[#writes + 1] = field
  writes[#writes + 1] = value
end

local function set_probe(scope, owner, lease) -- the one place of a half-open scope
  scope.owner, scope.lease = owner, lease
  put(scope.prefix .. 'owner', owner)
  put(scope.prefix .. 'lease', lease)
end

local function count_failures(scope, failures)
  scope.failures = failures
  put(scope.prefix .. 'failures', failures)
end

local function append_event(name, old, new, reason, failures, epoch, ends)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', 1000, '*', 'endpoint', name, 'old', old, 'new', new,
    'reason', reason, 'failures', failures, 'epoch', epoch, 'at', now, 'ends', ends,
    'by', override.by, 'why', override.why, 'action', override.action, 'context', context)
end

local function move(scope, state, ends, opens, reason)
  local old, failures = scope.state, scope.failures
  scope.state, scope.ends, scope.opens = state, ends, opens
  scope.epoch = math.max(scope.epoch + 1, now) -- never reused, not even by a Redis that has forgotten
  for _, name in ipairs({ 'state', 'epoch', 'ends', 'opens' }) do
    put(scope.prefix .. name, scope[name])
  end
  count_failures(scope, 0)
  set_probe(scope, '', 0)
  drop_legacy_shortcuts()
  if state == 'closed' then -- an outage that is over says nothing about what comes
    redis.call('DEL', COUNTS)
  end
  changes[#changes + 1] = { scope.name, old, state, scope.epoch, reason, failures }
  append_event(scope.name, old, state, reason, failures, scope.epoch, ends)
end

-- admit: what stands in the way of a call ('': nothing), ms to wait (-1: until somebody acts), whether it would be a probe

local function admit_to_scope(scope, probe_ok)
  if scope.state == 'open' or scope.state == 'forced_open' then
    return 'breaker_open', scope.ends == 0 and -1 or scope.ends - now, false
  elseif scope.state == 'half_open' and now < scope.lease then
    return 'breaker_open', scope.lease - now, false
  elseif scope.state == 'half_open' and not probe_ok then
    return 'breaker_open', BUSY, false
  end
  return '', 0, scope.state == 'half_open'
end

local function admit_to_both(probe_ok)
  if service.state == 'off' then
    return '', 0, false
  end
  local reason, wait, probing = admit_to_scope(service, probe_ok)
  if reason ~= '' then
    return reason, wait, false
  end
  local endpoint_probing
  reason, wait, endpoint_probing = admit_to_scope(endpoint, probe_ok)
  return reason, wait, probing or endpoint_probing
end

local function take_probes(owner)
  for _, scope in ipairs({ service, endpoint }) do
    if scope.state == 'half_open' then
      set_probe(scope, owner, now + setting.lease_for)
    end
  end
end

-- apply an outcome: what it says of a scope is 'alive', 'failed', or nil, nothing. The service comes first.

local tripped = false -- when both would, only the service does

-- A success has ended a row of failures less than one OPEN ago: a part of the service works, as behind a balancer of which half
-- the hosts are dead. A moment that is yet to come was left by a clock that was set back.
local function is_mixed(scope)
  return now - scope.mixed_at >= 0 and now - scope.mixed_at < setting.open_for
end

local function trip(scope, failures, report)
  local length = setting.open_for * report.stretch * setting.growth ^ scope.opens
  length = math.max(is_mixed(scope) and length / SHORT or length, report.retry_after)
  scope.failures, tripped = failures, true
  move(scope, 'open', now + math.floor(math.min(length, setting.open_max)), scope.opens + 1, report.reason)
end

local function fail(scope, failures, report) -- trips when the first of the last `threshold` in a row is at most `span` old
  count_failures(scope, scope.failures + 1)
  redis.call('LPUSH', failures, now)
  redis.call('LTRIM', failures, 0, NEVER - 1)
  if scope.failures >= setting.threshold
    and now - (redis.call('LINDEX', failures, setting.threshold - 1) or 0) <= setting.span then
    trip(scope, setting.threshold, report)
  end
end

local function apply_outcome(scope, failures, result, epoch, report) -- epoch 0, owner '': of a report that speaks for now
  local owner = report.owner
  if epoch ~= 0 and epoch ~= scope.epoch then -- a call begun before a change of state changes nothing after it
    return
  elseif scope.state == 'closed' and result == 'failed' and not tripped then
    if setting.threshold <= NEVER then
      fail(scope, failures, report)
    end
  elseif scope.state == 'closed' and result and scope.failures > 0 then -- a success, or the service's opening says it all
    count_failures(scope, 0)
    if result == 'alive' then
      scope.mixed_at = now
      put(scope.prefix .. 'mixed_at', now)
    end
  elseif scope.state == 'half_open' and (owner == '' and result or owner ~= '' and owner == scope.owner) then
    if result == 'alive' then
      move(scope, 'closed', 0, 0, 'probe_succeeded')
    elseif result == 'failed' and not tripped then
      trip(scope, 1, report)
    else -- the place goes back
      set_probe(scope, '', 0)
    end
  end
end
