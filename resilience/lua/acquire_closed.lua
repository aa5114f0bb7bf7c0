-- Acquire, for nearly every call: the breaker is closed in the epochs that the caller knows, so the rate limit alone decides.
-- Returns now, ms to wait (0: granted), the number of the service's window, the epoch of the account's breaker (0: it is alone) | now
--         alone: something changed, run acquire.lua
-- Why     an epoch is never used twice: the same epoch means the same state. The rest of the state machine need not be read.
local born, settings, blocked, misconfigured, epoch, own_epoch, callers = unpack(redis.call('HMGET', BREAKER,
  'born', 'settings', 'blocked:' .. KEY, 'wrong:' .. CONFIGURATION, 'epoch', ENDPOINT .. '/epoch', 'callers'))
if epoch ~= service_epoch or (own_epoch or born) ~= endpoint_epoch or settings ~= SETTINGS or blocked or misconfigured then
  return { now }
end
local account_epoch = 0
if OWN then
  local state, since, refused, wrong = unpack(redis.call('HMGET', OWN, ENDPOINT .. '/state', ENDPOINT .. '/epoch',
    'blocked:' .. KEY, 'wrong:' .. CONFIGURATION))
  if state and state ~= 'closed' or refused or wrong then
    return { now }
  end
  account_epoch = tonumber(since or born)
end

local wait = quota_wait(quota)
if wait == 0 then
  quota_take(quota)
  if OWN then
    note_caller(callers)
  end
end
quota_save(quota)
if string.find(BREAKER, '{c-', 1, true) == 1 then redis.call('PEXPIRE', BREAKER, KEPT) end -- in use: see at_rest.lua
return { now, wait, quota.window, account_epoch }
