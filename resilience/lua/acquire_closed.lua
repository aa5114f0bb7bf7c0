-- Ask, as nearly every call does: the breaker is closed, as the caller heard last, and the rate limit alone decides.
-- Returns now, ms to wait (0: granted), the number of the window of the service's count | now alone: it is not so, ask acquire.lua
-- Why     an epoch is never used again, so while it stands its state does; the rest of the state machine need not be read.
local born, settings, blocked, misconfigured, epoch, own_epoch = unpack(redis.call('HMGET', BREAKER,
  'born', 'settings', 'blocked:' .. KEY, 'wrong:' .. CONFIGURATION, 'epoch', ENDPOINT .. '/epoch'))
if epoch ~= service_epoch or (own_epoch or born) ~= endpoint_epoch or settings ~= SETTINGS or blocked or misconfigured then
  return { now }
end

local wait = quota_wait()
if wait == 0 then
  quota_take()
end
quota_save()
return { now, wait, quota.window }
