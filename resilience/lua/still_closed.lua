-- Are all breakers still closed, and how many messages may go? For a caller that only stores requests.
-- ARGV    12 how many messages the account wants to send, below 0: how many of those that it was given it did not send
-- Returns now, closed, how many may go (of an account that is alone: 0, it has no such pace) | now alone: something changed, run
--         status.lua
-- Why     as in acquire_closed.lua: the same epoch means the same state.
local born, epoch, own_epoch = unpack(redis.call('HMGET', BREAKER, 'born', 'epoch', ENDPOINT .. '/epoch'))
if epoch ~= service_epoch or (own_epoch or born) ~= endpoint_epoch then
  return { now }
end
local state, admitted
if OWN then
  state, admitted = unpack(redis.call('HMGET', OWN, ENDPOINT .. '/state', 'admitted'))
end
if state and state ~= 'closed' then
  return { now }
end
local count = 0
if OWN and ARGV[12] ~= '0' then
  local ahead = messages_ahead(admitted)
  count = math.min(tonumber(ARGV[12]), messages_left(ahead))
  redis.call('HSET', OWN, 'admitted', now * 1000 + ahead + count * message_interval)
  redis.call('PEXPIRE', OWN, KEPT)
end
return { now, 'closed', count }
