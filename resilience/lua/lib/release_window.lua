-- Fragment: the pace at which held work is released, for the endpoint whose work is held; a read has no window.
-- KEYS    RELEASED: waiting for their permit   SENDING: being sent (both: item by the end of its lease; together never more
--         than release_max)   BREAKER: window, fence: its size, and the epochs (epoch_fence) for which it was earned
-- Why     one, then two, four, ...: no stampede after an outage. After each change of state from the least again, which is one;
--         where a part of the service works as many as open the breaker, or that part would be left to idle by one failure in two.
local epoch_fence, window

local function resize(size)
  window = size
  put('window', size)
end

local function least()
  return (is_mixed(service) or is_mixed(endpoint)) and math.min(setting.threshold, setting.release_max) or 1
end

local function load_window()
  if not window then
    epoch_fence, window = unpack(redis.call('HMGET', BREAKER, 'fence', 'window'))
    window = math.min(tonumber(window) or 1, setting.release_max)
  end
  local current_fence = service.epoch .. ',' .. endpoint.epoch
  if epoch_fence ~= current_fence then
    redis.call('DEL', RELEASED, SENDING)
    epoch_fence = current_fence
    put('fence', epoch_fence)
    resize(least())
  end
  for _, places in ipairs({ RELEASED, SENDING }) do
    redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
    redis.call('ZREMRANGEBYSCORE', places, '(' .. now + setting.lease_for, '+inf') -- as expire.lua: a clock was set back
  end
end

local function resize_after(outcome) -- of an item that was being sent
  if outcome == 'success' then -- one more for each: doubles with each round
    resize(math.min(window + 1, setting.release_max))
  elseif outcome == 'failure_service' or outcome == 'failure_endpoint' then
    resize(least())
  end
end

local function quota_room() -- calls that both limits leave, when nothing stands in the way of one
  local room = math.huge
  if emission_interval > 0 then
    room = math.floor((burst_tolerance + emission_interval - backlog()) / emission_interval)
  end
  if quota.limit > 0 then
    room = math.min(room, scouting() and 1 or reported_room())
  end
  return room
end

-- How many more may be released now, and else why not and when to ask again (ms).
local function release_room()
  local reason, wait, probing = admit(true, false)
  if reason == '' then
    wait = quota_wait()
    reason = wait > 0 and 'throttled' or ''
  end
  if reason ~= '' then
    return 0, reason, wait
  end
  local waiting = redis.call('ZCARD', RELEASED)
  local free = (probing and 1 or window) - waiting - redis.call('ZCARD', SENDING)
  free = math.min(free, quota_room() - waiting)
  if free <= 0 then
    return 0, 'in_flight', BUSY
  end
  return free, '', 0
end
