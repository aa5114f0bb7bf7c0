-- Are all breakers still closed? For a caller that only stores a request. The script changes nothing.
-- Returns now, closed | now alone: something changed, run status.lua
-- Why     as in acquire_closed.lua: the same epoch means the same state.
local born, epoch, own_epoch = unpack(redis.call('HMGET', BREAKER, 'born', 'epoch', ENDPOINT .. '/epoch'))
if epoch ~= service_epoch or (own_epoch or born) ~= endpoint_epoch then
  return { now }
end
local state = OWN and redis.call('HGET', OWN, ENDPOINT .. '/state')
if state and state ~= 'closed' then
  return { now }
end
return { now, 'closed' }
