-- Fragment: the breaker's states: read, move, admit. What opens it is in trip.lua, what time alone changes in expire.lua.
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
-- There are two scopes, the service and the endpoint, and one more for an account that is not alone (account.lua): all must admit a
-- call. An operator's open, off and auto concern the service.
-- KEYS    BREAKER: the scopes' fields (an endpoint's fields begin with its name and '/'), and
--         born: the generation (the first epoch), missing after Redis has lost its data   seeded: see restore.lua
--         settings: those of the last client that wrote   ordered: the number of the last override   trial, cleared, blocked:KEY,
--         wrong:CONFIGURATION, page:CONFIGURATION: see blocks.lua   fence, window: see release_window.lua
--         booked: see turned_out.lua
--         EVENTS: every change of state   SERVICE_FAILURES, ENDPOINT_FAILURES: times of the last failures
-- Why     all is done in one step, so that exactly one of 64 simultaneous failures opens the breaker, and one probe goes at a time;
--         a change, its epoch and its event are written together, also if a process is killed.
local BUSY = 1000 -- ms until the next try, if the probe's place is not for this call
-- read

local prefix = ENDPOINT .. '/'
local stored = redis.call('HMGET', BREAKER, 'born', 'settings', 'ordered', 'cleared', 'trial',
  'blocked:' .. KEY, 'wrong:' .. CONFIGURATION, 'page:' .. CONFIGURATION,
  'state', 'epoch', 'ends', 'opens', 'failures', 'owner', 'lease', 'mixed_at',
  prefix .. 'state', prefix .. 'epoch', prefix .. 'ends', prefix .. 'opens', prefix .. 'failures', prefix .. 'owner',
  prefix .. 'lease', prefix .. 'mixed_at', 'booked')
local generation, other_settings, last_override = tonumber(stored[1]), stored[2] or '', (stored[3] or 0) + 0
local unblocked_at, next_trial_at = (stored[4] or 0) + 0, (stored[5] or 0) + 0
local blocked, misconfigured, paged_endpoint = stored[6], stored[7], stored[8]
local done_unclear = (stored[25] or 0) + 0 -- how many of the last unclear calls, in a row, turned out to be done

local function new_scope(name, at, hash, state, epoch, ends, opens, failures, owner, lease, mixed_at)
  return {
    name = name, prefix = at, hash = hash, state = state or 'closed', epoch = (epoch or generation or 0) + 0, ends = (ends or 0) + 0,
    opens = (opens or 0) + 0, failures = (failures or 0) + 0, owner = owner or '', lease = (lease or 0) + 0,
    mixed_at = (mixed_at or 0) + 0, -- when a success last ended a row of failures
  }
end

local service = new_scope('', '', BREAKER, unpack(stored, 9, 16))
local endpoint = new_scope(ENDPOINT, prefix, BREAKER, unpack(stored, 17, 24))
local scopes, own = { service, endpoint }, nil -- own: the account's, see account.lua

-- move: the one function that changes a state

local override = { by = '', why = '', action = 0 } -- the cause of a change
local context = '' -- the context of the call that changes a state, JSON
local changes, writes, own_writes = {}, {}, {}

local function put(field, value, hash) -- hash: BREAKER, if not given
  local to = hash and hash ~= BREAKER and own_writes or writes
  to[#to + 1] = field
  to[#to + 1] = value
end

local function set_probe(scope, owner, lease) -- the probe's place of a half-open scope
  scope.owner, scope.lease = owner, lease
  put(scope.prefix .. 'owner', owner, scope.hash)
  put(scope.prefix .. 'lease', lease, scope.hash)
end

local function count_failures(scope, failures)
  scope.failures = failures
  put(scope.prefix .. 'failures', failures, scope.hash)
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
    put(scope.prefix .. name, scope[name], scope.hash)
  end
  count_failures(scope, 0)
  set_probe(scope, '', 0)
  if state == 'closed' and scope.hash == BREAKER then -- the counts of an outage are no evidence about the next calls
    redis.call('DEL', COUNTS)
  end
  changes[#changes + 1] = { scope.name, old, state, scope.epoch, reason, failures }
  append_event(scope.name, old, state, reason, failures, scope.epoch, ends)
end

-- admit: what denies a call ('': nothing), ms to wait (-1: until an operator acts), whether the call would be a probe

-- Whether this call must leave the probe's place of the service or the endpoint to another account, for a second: its account's own
-- breaker is not closed, or it made the last probe. After that second any call may be the probe.
local function gives_way(scope)
  local waited = now - scope.epoch
  return scope ~= own and waited >= 0 and waited < BUSY and ACCOUNTS_TO_OPEN > 1
    and (own.state ~= 'closed' or scope.probed_by == ACCOUNT)
end

local beside_probe = false -- whether this call's item was let go together with the probe's

local function admit_to_scope(scope, probe_ok)
  if scope.state == 'open' or scope.state == 'forced_open' then
    return 'breaker_open', scope.ends == 0 and -1 or scope.ends - now, false
  elseif scope.state == 'half_open' and now < scope.lease then
    if beside_probe then
      return '', 0, false
    end
    return 'breaker_open', scope.lease - now, false
  elseif scope.state == 'half_open' and not probe_ok then
    return 'breaker_open', BUSY, false
  elseif scope.state == 'half_open' and own and gives_way(scope) then
    return 'breaker_open', scope.epoch + BUSY - now, false
  end
  return '', 0, scope.state == 'half_open'
end

local function admit_to_all(probe_ok)
  local reason, wait, probes, probing = '', 0, false, false
  for _, scope in ipairs(service.state == 'off' and {} or scopes) do
    reason, wait, probes = admit_to_scope(scope, probe_ok)
    if reason ~= '' then
      return reason, wait, false
    end
    probing = probing or probes
  end
  return reason, wait, probing
end

local function take_probes(owner)
  for _, scope in ipairs(scopes) do
    if scope.state == 'half_open' and now >= scope.lease then -- else it goes beside the probe
      set_probe(scope, owner, now + setting.lease_for)
      if own and scope ~= own then
        put(scope.prefix .. 'probed_by', ACCOUNT)
      end
    end
  end
end

-- Whether a success ended a row of failures less than one OPEN ago: then only a part of the service works. For example, half the
-- hosts behind a balancer are dead. A time in the future shows that a clock was set back.
local function is_mixed(scope)
  return now - scope.mixed_at >= 0 and now - scope.mixed_at < setting.open_for
end

-- Whether each of the last six unclear calls turned out to be done: then it works, and only its answers do not come.
local function does_what_is_unclear()
  return done_unclear >= 6
end
