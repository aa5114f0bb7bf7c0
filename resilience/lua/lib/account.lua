-- Fragment: the breaker of one of several accounts, for one endpoint: one scope more. An account that is alone has none.
-- KEYS    OWN: the fields of the account's scopes (ENDPOINT/state, ...), and of its key: blocked, wrong, page, trial, trials, cleared as
--         in blocks.lua; admitted: see admission.lua   reset: the last reset of the service that this hash has obeyed
--         BREAKER: failed_by: by whom the last failures in a row of a scope were, the newest first: an account's id, or '-' if nothing
--         was sent, which no account can cause   probed_by: the account of a scope's last probe   reset: when all was last reset
--         The blocks of account 1 stay in BREAKER, where workers without accounts write them, too.
-- Why     one account's fault (its event types, its webhook receiver) must stop no other account, and must not stop its own probes by
--         the failures of others.
local HOME = OWN and ACCOUNT ~= '1' and OWN or BREAKER -- where the key's blocks are
local trials, reset_at, own_reset, callers = 0, nil, nil, nil -- trials: since the key's block, see blocks.lua; callers: see callers.lua

if OWN then
  local found = redis.call('HMGET', OWN, prefix .. 'state', prefix .. 'epoch', prefix .. 'ends', prefix .. 'opens', prefix .. 'failures',
    prefix .. 'owner', prefix .. 'lease', prefix .. 'mixed_at', 'reset', 'trials', 'cleared', 'trial',
    'blocked:' .. KEY, 'wrong:' .. CONFIGURATION, 'page:' .. CONFIGURATION)
  own = new_scope(ENDPOINT .. '/' .. ACCOUNT, prefix, OWN, unpack(found, 1, 8))
  scopes[3] = own
  own_reset, trials = found[9], (found[10] or 0) + 0
  local shared = redis.call('HMGET', BREAKER, 'reset', 'failed_by', 'probed_by', prefix .. 'failed_by', prefix .. 'probed_by', 'trials',
    'callers')
  reset_at, service.failed_by, service.probed_by, endpoint.failed_by, endpoint.probed_by = unpack(shared, 1, 5)
  if HOME == OWN then -- a block in BREAKER, by an operator or from when the account was alone, counts as well
    unblocked_at, next_trial_at = (found[11] or 0) + 0, (found[12] or 0) + 0
    blocked, misconfigured, paged_endpoint = blocked or found[13], misconfigured or found[14], paged_endpoint or found[15]
  else
    trials = (shared[6] or 0) + 0
  end
  callers = shared[7]
end

local function scope_named(hash, name) -- an endpoint's scope in this hash; '': the service
  if name == '' then
    return service
  elseif name == ENDPOINT then
    return hash == BREAKER and endpoint or own
  end
  local fields = redis.call('HMGET', hash, name .. '/state', name .. '/epoch', name .. '/failures')
  return new_scope(hash == BREAKER and name or name .. '/' .. ACCOUNT, name .. '/', hash, fields[1], fields[2], 0, 0, fields[3])
end

local function reset_hash(hash) -- close each endpoint's scope in this hash, and end its blocks
  local fields = redis.call('HKEYS', hash)
  table.sort(fields)
  for _, field in ipairs(fields) do
    local name = string.match(field, '^(.+)/failures$')
    if string.find(field, '^blocked:') or string.find(field, '^wrong:') or string.find(field, '^page:') then
      redis.call('HDEL', hash, field)
    elseif name then
      local scope = scope_named(hash, name)
      if scope.state ~= 'closed' or scope.failures > 0 then
        move(scope, 'closed', 0, 0, 'reset')
      end
    end
  end
end

local function obey_reset() -- a reset of the service reaches an account's breaker and blocks with its next call
  if own and reset_at and own_reset ~= reset_at then
    reset_hash(OWN)
    put('reset', reset_at, OWN)
    if HOME == OWN then
      blocked, misconfigured, paged_endpoint = unpack(redis.call('HMGET', BREAKER,
        'blocked:' .. KEY, 'wrong:' .. CONFIGURATION, 'page:' .. CONFIGURATION))
      unblocked_at, next_trial_at, trials = reset_at + 0, 0, 0
      put('cleared', reset_at, OWN)
      put('trial', 0, OWN)
      put('trials', 0, OWN)
    end
  end
end
