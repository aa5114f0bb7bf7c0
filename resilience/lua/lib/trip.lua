-- Fragment: what opens the breaker: apply an outcome to each scope.
-- KEYS    as state_machine.lua and account.lua
-- Why     five failures in a row of one account open it for that account alone: its event types or its webhook receiver may be the
--         cause. They open it for all if they are of three accounts, or of all that call, two at least: no more may have called
--         within ten minutes (callers.lua), or the service may have no more.
local NEVER = 1000 -- a threshold above this never opens the breaker
local FAILURES = { failure_service = true, failure_endpoint = true }
local SHORT = 10 -- an OPEN is this many times shorter while only a part of the service works
local tripped = false -- if several would open, only the first does: the service, then the endpoint, then the account's

local function trip(scope, failures, report)
  local length = setting.open_for * report.stretch * setting.growth ^ scope.opens
  length = math.max(is_mixed(scope) and length / SHORT or length, report.retry_after)
  scope.failures, tripped = failures, true
  move(scope, 'open', now + math.floor(math.min(length, setting.open_max)), scope.opens + 1, report.reason)
end

-- Add this failure's account to the scope's; return whether the last `threshold` failures in a row are of enough accounts.
local function is_of_enough_accounts(scope, never_sent)
  if not own or scope == own then
    return true
  end
  local newest, seen, number = { never_sent and '-' or ACCOUNT }, {}, 0
  for account in string.gmatch(scope.failures > 1 and scope.failed_by or '', '[^ ]+') do
    if #newest < setting.threshold then
      newest[#newest + 1] = account
    end
  end
  put(scope.prefix .. 'failed_by', table.concat(newest, ' '))
  for _, account in ipairs(newest) do
    if account == '-' or not seen[account] then
      seen[account], number = true, number + 1
    end
  end
  return number >= math.min(ACCOUNTS_TO_OPEN, math.max(2, recent_callers(callers)), setting.threshold)
end

local function fail(scope, failures, report) -- trips if the first of the last `threshold` failures in a row is at most `span` old
  count_failures(scope, scope.failures + 1)
  redis.call('LPUSH', failures, now)
  redis.call('LTRIM', failures, 0, NEVER - 1)
  if scope == own then
    redis.call('PEXPIRE', failures, KEPT)
  end
  local enough = is_of_enough_accounts(scope, report.never_sent)
  if enough and scope.failures >= setting.threshold
    and now - (redis.call('LINDEX', failures, setting.threshold - 1) or 0) <= setting.span then
    trip(scope, setting.threshold, report)
  end
end

local function apply_outcome(scope, failures, result, epoch, report) -- epoch 0, owner '': without a permit
  local owner = report.owner
  if epoch ~= 0 and epoch ~= scope.epoch then -- the call began before a change of state
    return
  elseif scope.state == 'closed' and report.itself_only and scope ~= own then
    return
  elseif scope.state == 'closed' and result == 'failed' and not tripped then
    if setting.threshold <= NEVER then
      fail(scope, failures, report)
    end
  elseif scope.state == 'closed' and result and scope.failures > 0 then -- a success, or a failure that opened the service
    count_failures(scope, 0)
    if result == 'alive' then
      scope.mixed_at = now
      put(scope.prefix .. 'mixed_at', now, scope.hash)
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

-- While the account's breaker is not closed, its failures count for itself only; so do those of calls from before it opened.
local function counts_for_itself_only(outcome, own_epoch, never_sent)
  return own and FAILURES[outcome] and not never_sent and (own.state ~= 'closed' or own_epoch ~= 0 and own_epoch ~= own.epoch)
end

-- epochs: the permit's, of the service, the endpoint and the account's breaker (0: the present ones, -1: none)
local function apply_to_all(outcome, epochs, report)
  local service_result, endpoint_result, own_result
  if outcome == 'success' then
    service_result, endpoint_result, own_result = 'alive', 'alive', 'alive'
  elseif outcome == 'failure_endpoint' then
    service_result, endpoint_result, own_result = 'alive', 'failed', 'failed'
  elseif outcome == 'failure_service' then -- both failed; otherwise healthy reads would hide a dead POST
    service_result, endpoint_result, own_result = 'failed', 'failed', 'failed'
  end
  if report.never_sent then -- no account can cause this
    own_result = nil
  end
  local service_changed = epochs[1] > 0 and epochs[1] ~= service.epoch
  local endpoint_changed = epochs[2] > 0 and epochs[2] ~= endpoint.epoch
  report.itself_only = counts_for_itself_only(outcome, epochs[3], report.never_sent)
  -- A call that began before one scope changed is no evidence about the other. Otherwise, when an endpoint opens, the failures of its
  -- calls in flight would open the whole service.
  if service_changed then
    endpoint_result = nil
  elseif endpoint_changed and service_result == 'failed' then
    service_result = nil
  end
  if service_changed or endpoint_changed then
    own_result = nil
  end
  apply_outcome(service, SERVICE_FAILURES, service_result, epochs[1], report)
  apply_outcome(endpoint, ENDPOINT_FAILURES, endpoint_result, epochs[2], report)
  if own then
    apply_outcome(own, OWN_FAILURES, own_result, epochs[3], report)
  end
end
