-- Fragment: write what has changed, and answer.
local function flush()
  if #writes > 0 then
    redis.call('HSET', BREAKER, unpack(writes))
    writes = {}
  end
end

-- The moment, and the state: what a process must remember, to go on by itself when Redis is gone; clients with other settings
-- are told of each other. The script's own results follow (circuit_breaker/wire.py reads both).
local function reply(...)
  if other_settings == SETTINGS then
    other_settings = ''
  else
    put('settings', SETTINGS)
  end
  flush()
  return { now, generation, other_settings, blocked and 1 or 0, misconfigured and 1 or 0,
    service.state, service.epoch, service.ends, service.opens,
    endpoint.state, endpoint.epoch, endpoint.ends, endpoint.opens, changes, ... }
end
