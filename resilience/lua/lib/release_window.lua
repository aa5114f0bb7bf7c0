-- Fragment: the pace at which held work is released. It belongs to the endpoint whose work is held; reads have no window.
-- KEYS    RELEASED: items that wait for their permit   SENDING: items that are being sent (both: item by the end of its lease;
--         together at most release_max)   BREAKER: window: its size   fence: the epochs (epoch_fence) in which it grew
-- Why     one item goes, then two, four, ...: no stampede after an outage. After each change of state, and after a failure, the
--         window starts again at the least size: one, or the threshold if only a part of the service works. Otherwise a service
--         that fails every second call would keep the window at one, and its working part would be idle.
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
    redis.call('ZREMRANGEBYSCORE', places, '(' .. now + setting.lease_for, '+inf') -- a clock was set back, see expire.lua
  end
end

local function resize_after(outcome) -- the outcome of an item that was being sent
  if outcome == 'success' then -- one more for each success: the window doubles in each round
    resize(math.min(window + 1, setting.release_max))
  elseif outcome == 'failure_service' or outcome == 'failure_endpoint' then
    resize(least())
  end
end

local function quota_room() -- how many calls both limits allow, if nothing else denies them
  local room = math.huge
  if quota.emission_interval > 0 then
    room = math.floor((quota.burst_tolerance + quota.emission_interval - backlog(quota)) / quota.emission_interval)
  end
  if quota.limit > 0 then
    room = math.min(room, scouting(quota) and 1 or reported_room(quota))
  end
  return room
end

-- Returns how many more items may be released now, why none may, and ms until the next try.
local function release_room()
  local reason, wait, probing = admit(true, false)
  if reason == '' then
    wait = quota_wait(quota)
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
