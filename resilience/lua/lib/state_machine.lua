-- Fragment: the breaker's rules, except the changes that time alone causes (expire.lua): read, move, admit, apply an outcome.
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
-- There are two scopes, the service and the endpoint; both must admit a call. An operator's open, off and auto concern the service.
-- KEYS    BREAKER: the scopes' fields (an endpoint's fields begin with its name and '/'), and
--         born: the generation (the first epoch), missing after Redis has lost its data   seeded: see restore.lua
--         settings: those of the last client that wrote   ordered: the number of the last override   trial, cleared, blocked:KEY,
--         wrong:CONFIGURATION, page:CONFIGURATION: see blocks.lua   fence, window: see release_window.lua
--         EVENTS: every change of state   SERVICE_FAILURES, ENDPOINT_FAILURES: times of the last failures
-- Why     all is done in one step, so that exactly one of 64 simultaneous failures opens the breaker, and one probe goes at a time;
--         a change, its epoch and its event are written together, also if a process is killed.
local BUSY = 1000 -- ms until the next try, if the probe's place is not for this call
local NEVER = 1000 -- a threshold above this never opens the breaker
local SHORT = 10 -- an OPEN is this many times shorter while only a part of the service works
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

-- move: the one function that changes a state

local override = { by = '', why = '', action = 0 } -- the cause of a change
local context = '' -- the context of the call that changes a state, JSON
local changes, writes = {}, {}

local function put(field, value)
  writes[#writes + 1] = field
  writes[#writes + 1] = value
end

local function set_probe(scope, owner, lease) -- the probe's place of a half-open scope
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
  scope.epoch = math.max(scope.epoch + 1, now) -- an epoch is never used twice, also after Redis has lost its data
  for _, name in ipairs({ 'state', 'epoch', 'ends', 'opens' }) do
    put(scope.prefix .. name, scope[name])
  end
  count_failures(scope, 0)
  set_probe(scope, '', 0)
  if state == 'closed' then -- the counts of an outage are no evidence about the next calls
    redis.call('DEL', COUNTS)
  end
  changes[#changes + 1] = { scope.name, old, state, scope.epoch, reason, failures }
  append_event(scope.name, old, state, reason, failures, scope.epoch, ends)
end

-- admit: what denies a call ('': nothing), ms to wait (-1: until an operator acts), whether the call would be a probe

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

-- apply an outcome; for each scope its result is 'alive', 'failed' or nil (no evidence). The service comes first.

local tripped = false -- if both would open, only the service opens

-- Whether a success ended a row of failures less than one OPEN ago: then only a part of the service works. For example, half the
-- hosts behind a balancer are dead. A time in the future shows that a clock was set back.
local function is_mixed(scope)
  return now - scope.mixed_at >= 0 and now - scope.mixed_at < setting.open_for
end

local function trip(scope, failures, report)
  local length = setting.open_for * report.stretch * setting.growth ^ scope.opens
  length = math.max(is_mixed(scope) and length / SHORT or length, report.retry_after)
  scope.failures, tripped = failures, true
  move(scope, 'open', now + math.floor(math.min(length, setting.open_max)), scope.opens + 1, report.reason)
end

local function fail(scope, failures, report) -- trips if the first of the last `threshold` failures in a row is at most `span` old
  count_failures(scope, scope.failures + 1)
  redis.call('LPUSH', failures, now)
  redis.call('LTRIM', failures, 0, NEVER - 1)
  if scope.failures >= setting.threshold
    and now - (redis.call('LINDEX', failures, setting.threshold - 1) or 0) <= setting.span then
    trip(scope, setting.threshold, report)
  end
end

local function apply_outcome(scope, failures, result, epoch, report) -- epoch 0, owner '': without a permit
  local owner = report.owner
  if epoch ~= 0 and epoch ~= scope.epoch then -- the call began before a change of state
    return
  elseif scope.state == 'closed' and result == 'failed' and not tripped then
    if setting.threshold <= NEVER then
      fail(scope, failures, report)
    end
  elseif scope.state == 'closed' and result and scope.failures > 0 then -- a success, or a failure that opened the service
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
    else -- the probe's place becomes free
      set_probe(scope, '', 0)
    end
  end
end
