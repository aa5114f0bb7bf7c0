-- Fragment: what an outcome does to a breaker.
-- KEYS    8 the service's failures  9 the endpoint's failures (each a ring of the last `threshold` times)
-- ARGV    16 reason  17 ms of Retry-After  18 stretch: by how much longer OPEN is, at random
-- Returns nothing; leaves `vote` and `retry_after`.
-- Why     "5 within 60 s" exactly, in constant memory; and a call begun before a change of state changes nothing after it.
local reason, retry_after, stretch = ARGV[16], tonumber(ARGV[17]), tonumber(ARGV[18])

local function trip(s, failures)
  local length = math.min(math.max(open_for * stretch * growth ^ s.opens, retry_after), open_max)
  s.failures = failures
  move(s, 'open', now + math.floor(length), s.opens + 1, reason)
end

local function fail(s, ring)
  if threshold > 1000 then -- never trips: a breaker that only counts
    return
  end
  s.failures = s.failures + 1
  put(s.prefix .. 'failures', s.failures)
  redis.call('LPUSH', ring, now)
  redis.call('LTRIM', ring, 0, threshold - 1)
  if s.failures < threshold then -- the ring may still hold times from before the last change of state
    return
  end
  local oldest = tonumber(redis.call('LINDEX', ring, threshold - 1)) or 0
  if now - oldest < span then
    trip(s, threshold)
  end
end

-- verdict: 'success', 'failure' or nil (the permit goes back); epoch 0 and owner '': whoever speaks for now
local function vote(s, ring, verdict, epoch, owner)
  if epoch ~= 0 and epoch ~= s.epoch then
    return
  end
  if s.state == 'closed' and verdict == 'failure' then
    fail(s, ring)
  end
  if s.state ~= 'half_open' or (owner ~= '' and owner ~= s.owner) then
    return
  end
  if verdict == 'success' then
    move(s, 'closed', 0, 0, 'probe_succeeded')
  elseif verdict == 'failure' then
    trip(s, 1)
  else
    put(s.prefix .. 'owner', '')
    put(s.prefix .. 'lease', 0)
    s.owner, s.lease = '', 0
  end
end
