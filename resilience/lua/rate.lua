-- Fragment: the rate limit, our own and what Cal.com tells of its count; and the calm entry that stands beside it.
-- KEYS    1 rate
-- ARGV    2 name of the calm entry  3 calls that come back in `per`, 0: no limit of our own  4 calls that may go at once
--         5 per (ms)  6 calls left to others when Cal.com's own count runs out
-- Returns nothing; leaves `calm`, `level`, `rate_wait`, `rate_take` and the numbers they use.
-- Why     burst + refill stay under the limit in any window, wherever the other side's window begins. Whole numbers
--         only (a call costs `per`, a millisecond earns `refill`), so that Lua and Python count alike.
local refill, burst, per, reserve = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local counted = redis.call('HMGET', KEYS[1], ARGV[2], 'level', 'level_at', 'grants', 'shut', 'quota', 'quota_ends')
local calm = counted[1]
local held, held_at = tonumber(counted[2]) or burst * per, tonumber(counted[3]) or now
local grants = tonumber(counted[4]) or 0
local shut = tonumber(counted[5]) or 0
local quota, quota_ends = tonumber(counted[6]) or 0, tonumber(counted[7]) or 0

local function level()
  return math.min(burst * per, held + math.max(0, now - held_at) * refill)
end

local function rate_wait() -- ms until the next call may go; 0: now
  if now < shut then
    return shut - now
  end
  if now < quota_ends and quota - grants <= reserve then
    return quota_ends - now
  end
  if refill > 0 and level() < per then
    return math.ceil((per - level()) / refill)
  end
  return 0
end

local function rate_take()
  held, held_at, grants = math.max(0, level() - per), now, grants + 1
  redis.call('HSET', KEYS[1], 'level', held, 'level_at', now, 'grants', grants)
end
