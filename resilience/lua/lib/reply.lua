-- Fragment: write down what has changed, and answer.
local function save()
  if #writes > 0 then
    redis.call('HSET', BREAKER, unpack(writes))
    writes = {}
  end
end

-- What a process must remember, to go on by itself when Redis is gone; clients with other settings are told of each other.
-- The script's own answers follow.
local function view(...)
  if other_settings == SETTINGS then
    other_settings = ''
  else
    put('settings', SETTINGS)
  end
  save()
  return { now, born, other_settings, blocked and 1 or 0, wrong and 1 or 0,
    service.state, service.epoch, service.ends, service.opens,
    endpoint.state, endpoint.epoch, endpoint.ends, endpoint.opens, moved, ... }
end
