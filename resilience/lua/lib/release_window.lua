-- Fragment: the pace at which held work is released. It belongs to the endpoint whose work is held; reads have no window.
-- KEYS    RELEASED: items that wait for their permit   SENDING: items that are being sent (both: item by the end of its lease;
--         together at most release_max)   BREAKER: window: its size   fence: the epochs (epoch_fence) in which it grew
-- Why     one item goes, then two, four, ...: no stampede after an outage. After each change of state, and after a failure, the
--         window starts again at the least size: one, or the threshold if only a part of the service works. Otherwise a service
--         that fails every second call would keep the window at one, and its working part would be idle.
local epoch_fence, window
local ahead -- of an account that is not alone: see admission.lua

local function resize(size)
  window = size
  put('window', size)
end

local function least()
  return (is_mixed(service) or is_mixed(endpoint)) and math.min(setting.threshold, setting.release_max) or 1
end

local function load_window()
  ahead = own and messages_ahead(redis.call('HGET', OWN, 'admitted'))
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

-- Returns how many more items may be released, whichever account's: for one of several the limits of each allow fewer.
local function free_places()
  local size = window
  for _, scope in ipairs(service.state == 'off' and {} or { service, endpoint }) do
    if scope.state == 'open' or scope.state == 'forced_open' or now < scope.lease then
      return 0
    elseif scope.state == 'half_open' then
      size = 1
    end
  end
  return math.max(0, size - redis.call('ZCARD', RELEASED) - redis.call('ZCARD', SENDING))
end

-- Returns how many more items of this account may be released now, why none may, and ms until the next try. Of an account that is
-- alone each released item will take from the limit; of another one it takes from the pace of messages, here.
local function release_room()
  local reason, wait, probing = admit(true, false)
  if reason == '' then
    wait = quota_wait(quota)
    if own and wait == 0 then
      wait = messages_wait(ahead)
    end
    reason = wait > 0 and 'throttled' or ''
  end
  if reason ~= '' then
    return 0, reason, wait
  end
  local free = math.min(free_places(), probing and 1 or math.huge, quota_room() - (own and 0 or redis.call('ZCARD', RELEASED)))
  if own then
    free = math.min(free, messages_left(ahead))
  end
  if free <= 0 then
    return 0, 'in_flight', BUSY
  end
  return free, '', 0
end
