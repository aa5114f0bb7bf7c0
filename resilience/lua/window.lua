-- Fragment: the pace at which held work is released.
-- KEYS    6 released, waiting for their permit  7 released, being sent (both: item by the end of its lease; never more
--         than release_max)
-- ARGV    none of its own
-- Returns nothing; leaves `window_open`, `window_done` and `window_room`.
-- Why     one, then two, four, ...: no stampede after an outage. Fenced by the epochs: after each change from one again.
local window = math.min(tonumber(known[6]) or 1, release_max)

local function fence()
  return service.epoch .. ',' .. endpoint.epoch
end

local function window_open() -- for the endpoint whose work is held; a look has no window
  if known[5] ~= fence() then
    redis.call('DEL', KEYS[6], KEYS[7])
    known[5], window = fence(), 1
    put('fence', known[5])
    put('window', window)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now)
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', now)
end

-- told of each outcome while its epochs are still the present ones
local function window_done(mine, outcome)
  if known[5] ~= fence() then
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
  local waiting = redis.call('ZCARD', KEYS[6])
  local busy = waiting + redis.call('ZCARD', KEYS[7])
  local free = window - busy
  if probing then
    free = 1 - busy
  end
  if gap > 0 then
    free = math.min(free, math.floor((depth + gap - ahead()) / gap) - waiting)
  end
  if now < cap_ends then
    free = math.min(free, cap - grants - reserve - waiting)
  end
  if free <= 0 then
    return 0, 'in_flight', BUSY
  end
  return free, '', 0
end
