-- Fragment: an operator's word.
-- Why     each order has who and why and a new epoch; a numbered one (its row in the database) is obeyed once, so that it
--         can be given again whenever Redis may have forgotten it.
local function scope_named(name) -- an endpoint's, or the service's when it has no name
  if name == '' then
    return service
  elseif name == endpoint.name then
    return endpoint
  end
  local fields = redis.call('HMGET', BREAKER, name .. '/state', name .. '/epoch', name .. '/failures')
  return scope(name, name .. '/', fields[1], fields[2], 0, 0, fields[3])
end

local function reset()
  save() -- what an order before this one has put up
  local fields = redis.call('HKEYS', BREAKER)
  table.sort(fields)
  for _, field in ipairs(fields) do
    local name = string.match(field, '^(.+)/failures$')
    if string.find(field, '^blocked:') or string.find(field, '^wrong:') or string.find(field, '^page:') then
      redis.call('HDEL', BREAKER, field)
    elseif name then
      local s = scope_named(name)
      if s.state ~= 'closed' or s.failures > 0 then
        move(s, 'closed', 0, 0, 'reset')
      end
    end
  end
  blocked, wrong = false, false
  put('cleared', now)
  move(service, 'closed', 0, 0, 'reset')
end

local function obey(kind, number, by, why, ends, key)
  if number > 0 and number <= ordered then
    return number == ordered and 'done' or 'ignored'
  end
  ordered = math.max(ordered, number)
  put('ordered', ordered)
  order.by, order.why = by, why
  if kind == 'open' then
    move(service, 'forced_open', ends, 0, 'forced_open')
  elseif kind == 'off' then
    move(service, 'off', ends, 0, 'switched_off')
  elseif kind == 'reset' then
    reset()
  elseif kind == 'block' then
    blocked = key == KEY and now or blocked
    put('blocked:' .. key, now)
    end_short_ways()
  elseif service.state == 'forced_open' then
    move(service, 'half_open', 0, 0, 'automatic_again')
  elseif service.state == 'off' then
    move(service, 'closed', 0, 0, 'automatic_again')
  end
  return 'done'
end
