-- Fragment: write the changes, and reply.
local function flush()
  if #writes > 0 then
    redis.call('HSET', BREAKER, unpack(writes))
    writes = {}
  end
  if #own_writes > 0 then
    redis.call('HSET', OWN, unpack(own_writes))
    redis.call('PEXPIRE', OWN, KEPT)
    own_writes = {}
  end
  keep(RATE, COUNTS, WINDOWS, BREAKER, EVENTS, RELEASED, SENDING, SENDERS)
end

-- The time and the state: a process keeps both, to go on alone when Redis is gone. A client learns if another client has other
-- settings. The script's own results follow (circuit_breaker/wire.py reads both).
local function reply(...)
  if other_settings == SETTINGS then
    other_settings = ''
  else
    put('settings', SETTINGS)
  end
  flush()
  return { now, generation, other_settings, blocked and 1 or 0, misconfigured and 1 or 0,
    service.state, service.epoch, service.ends, service.opens,
    endpoint.state, endpoint.epoch, endpoint.ends, endpoint.opens, changes,
    own and { own.state, own.epoch, own.ends, own.opens } or {}, ... }
end
