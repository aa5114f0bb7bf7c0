-- Are both breakers still closed? For a caller that only keeps a request. Changes nothing.
-- Returns now, closed | now alone: something changed, run status.lua
-- Why     as acquire_closed.lua: while an epoch is the same, the state is.
local born, epoch, own_epoch = unpack(redis.call('HMGET', BREAKER, 'born', 'epoch', ENDPOINT .. '/epoch'))
if epoch ~= service_epoch or (own_epoch or born) ~= endpoint_epoch then
  return { now }
end
return { now, 'closed' }
