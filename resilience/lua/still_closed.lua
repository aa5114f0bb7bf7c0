-- Look, for a caller who only keeps a request: are both breakers still closed, as he heard last? Changes nothing.
-- Returns now, closed | now alone: it is not so, ask status.lua
-- Why     as acquire_closed.lua: while an epoch stands, its state does.
local born, epoch, own_epoch = unpack(redis.call('HMGET', BREAKER, 'born', 'epoch', ENDPOINT .. '/epoch'))
if epoch ~= service_epoch or (own_epoch or born) ~= endpoint_epoch then
  return { now }
end
return { now, 'closed' }
