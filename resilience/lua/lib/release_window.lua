-- Fragment: the pace at which held work is released, for the endpoint whose work is held; a read has no window.
-- KEYS    RELEASED: waiting for their permit   SENDING: being sent (both: item by the end of its lease; together never more
--         than release_max)   BREAKER: window, fence: its size, and the epochs for which it was earned
-- Why     one, then two, four, ...: no stampede after an outage. After each change of state from one again.
local fence, window

local function resize(size)
  window = size
  put('window', size)
end

local function window_open()
  if not window then
    fence, window = unpack(redis.call('HMGET', BREAKER, 'fence', 'window'))
    window = math.min(tonumber(window) or 1, setting.release_max)
  end
  local present = service.epoch .. ',' .. endpoint.epoch
  if fence ~= present then
    redis.call('DEL', RELEASED, SENDING)
    fence = present
    put('fence', fence)
    resize(1)
  end
  redis.call('ZREMRANGEBYSCORE', RELEASED, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', SENDING, '-inf', now)
end

local function window_apply(outcome) -- of an item that was being sent
  if outcome == 'success' then -- one more for each: doubles with each round
    resize(math.min(window + 1, setting.release_max))
  elseif outcome == 'failure_service' or outcome == 'failure_endpoint' then
    resize(1)
  end
end

-- How many more may be released now, and else why not and when to ask again (ms).
local function window_room()
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
