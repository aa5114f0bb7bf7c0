-- Fragment: the pace at which held work is released.
-- KEYS    4 released, waiting for their permit  5 released, being sent (both: item by the end of its lease; never more
--         than release_max)
-- ARGV    none of its own
-- Returns nothing; leaves `window_open`, `window_done` and `window_room`.
-- Why     one, then two, four, ...: no stampede after an outage. Fenced by the epochs: after each change from one again.
local window = math.min(tonumber(known[12]) or 1, release_max)

local function fence()
  return service.epoch .. ',' .. endpoint.epoch
end

local function window_open() -- for the endpoint whose work is held; a look has no window
  if known[11] ~= fence() then
    redis.call('DEL', KEYS[4], KEYS[5])
    known[11], window = fence(), 1
    put('fence', known[11])
    put('window', window)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
end

-- told of each outcome while its epochs are still the present ones
local function window_done(mine, outcome)
  if known[11] ~= fence() then
    return
  end
  if outcome == 'failure_service' or outcome == 'failure_endpoint' then
    window = 1
    put('window', window)
  elseif mine == 1 and outcome == 'success' then -- one more for each success: doubles with each round
    window = math.min(window + 1, release_max)
    put('window', window)
  end
end

-- how many more may be released now, and else why not and when to ask again (ms)
local function window_room()
  local reason, wait, probing = obstacle(true)
  if reason ~= '' then
    return 0, reason, wait
  end
  local waiting = redis.call('ZCARD', KEYS[4])
  local busy = waiting + redis.call('ZCARD', KEYS[5])
  local free = window - busy
  if probing then
    free = 1 - busy
  end
  if refill > 0 then
    free = math.min(free, math.floor(level() / per) - waiting)
  end
  if now < rate.quota_ends then
    free = math.min(free, rate.quota - rate.grants - reserve - waiting)
  end
  if free <= 0 then
    return 0, 'in_flight', BUSY
  end
  return free, '', 0
end
