-- Fragment: what an outcome does to a breaker.
-- KEYS    2 the service's failures  3 the endpoint's failures (a ring of the last `threshold` times)
-- ARGV    none of its own
-- Returns nothing; leaves `vote`.
-- Why     "5 within 60 s" exactly, in constant memory; and a call begun before a change of state changes nothing after it.
local function trip(s, failures, reason, retry_after)
  local length = math.min(math.max(open_for * growth ^ s.opens, retry_after), open_max)
  s.failures = failures
  move(s, 'open', now + math.floor(length), s.opens + 1, reason)
end

local function fail(s, ring, reason, retry_after)
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
    trip(s, threshold, reason, retry_after)
  end
end

-- verdict: 'success', 'failure' or nil (the permit goes back); epoch 0 and owner '': whoever speaks for now
local function vote(s, ring, verdict, epoch, owner, reason, retry_after)
  if epoch ~= 0 and epoch ~= s.epoch then
    return
  end
  if s.state == 'closed' and verdict == 'failure' then
    fail(s, ring, reason, retry_after)
  end
  if s.state ~= 'half_open' or (owner ~= '' and owner ~= s.owner) then
    return
  end
  if verdict == 'success' then
    move(s, 'closed', 0, 0, 'probe_succeeded')
  elseif verdict == 'failure' then
    trip(s, 1, reason, retry_after)
  else
    put(s.prefix .. 'owner', '')
    put(s.prefix .. 'lease', 0)
    s.owner, s.lease = '', 0
  end
end
