-- Fragment: an operator's word.
-- KEYS    4 breaker
-- ARGV    none of its own
-- Returns nothing; leaves `stored` and `obey`.
-- Why     each order has who and why and a new epoch; a numbered one (its row in the database) is obeyed once, so that it
--         can be given again whenever Redis may have forgotten it.
local ordered = tonumber(known[3]) or 0

local function stored(name) -- an endpoint's scope, or the service's when it has no name
  if name == '' then
    return service
  elseif name == endpoint.name then
    return endpoint
  end
  local told = redis.call('HMGET', KEYS[4], name .. '/state', name .. '/epoch', name .. '/failures')
  return { name = name, prefix = name .. '/', state = told[1] or 'closed', epoch = tonumber(told[2]) or born,
    failures = tonumber(told[3]) or 0 }
end

local function reset()
  local fields = redis.call('HKEYS', KEYS[4])
  table.sort(fields)
  for _, field in ipairs(fields) do
    local name = string.match(field, '^(.+)/failures$')
    if string.find(field, '^blocked:') then
      redis.call('HDEL', KEYS[4], field)
    elseif name then
      move(stored(name), 'closed', 0, 0, 'reset')
    end
  end
  known[4] = false
  move(service, 'closed', 0, 0, 'reset')
end

local function obey(kind, number, by, why, ends, key)
  if number > 0 and number <= ordered then
    return 'ignored'
  end
  ordered = math.max(ordered, number)
  put('ordered', ordered)
  note.by, note.why = by, why
  if kind == 'open' then
    move(service, 'forced_open', ends, 0, 'forced_open')
  elseif kind == 'off' then
    move(service, 'off', ends, 0, 'switched_off')
  elseif kind == 'reset' then
    reset()
  elseif kind == 'block' then
    put('blocked:' .. key, now)
    calm_over()
  elseif service.state == 'forced_open' then
    move(service, 'half_open', 0, 0, 'automatic_again')
  elseif service.state == 'off' then
    move(service, 'closed', 0, 0, 'automatic_again')
  end
  return 'done'
end
