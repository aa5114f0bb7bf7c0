-- Fragment: the rate limit, our own and what Cal.com tells of its count; and the calm entry that stands beside it.
-- KEYS    1 rate
-- ARGV    2 name of the calm entry  3 gap: us that one call costs, 0: no limit of our own  4 depth: us that calls may be
--         ahead of their time, so many may go at once  5 calls left to others when Cal.com's own count runs out
-- Returns nothing; leaves `calm`, `ahead`, `rate_wait`, `rate_take` and the numbers they use.
-- Why     one number says how far the calls so far are ahead of an even pace: burst and refill together stay under the
--         limit in any window, wherever the other side's window begins. Whole microseconds: Lua and Python count alike.
local gap, depth, reserve = ARGV[3] + 0, ARGV[4] + 0, ARGV[5] + 0 -- on the short way a call of tonumber() counts
local counted = redis.call('HMGET', KEYS[1], ARGV[2], 'paid_until', 'grants', 'cap', 'cap_ends')
local calm = counted[1]
local paid_until, grants = (counted[2] or 0) + 0, (counted[3] or 0) + 0
local cap, cap_ends = (counted[4] or 0) + 0, (counted[5] or 0) + 0 -- the last grant that Cal.com's count leaves to us
local shut = 0 -- calm.lua knows better; while a 429 is in force there is no calm entry

local function ahead()
  return math.max(0, paid_until - now * 1000)
end

local function rate_wait() -- ms until the next call may go; 0: now
  if now < shut then
    return shut - now
  end
  if now < cap_ends and cap - grants <= reserve then
    return cap_ends - now
  end
  if gap > 0 and ahead() > depth then
    return math.ceil((ahead() - depth) / 1000)
  end
  return 0
end

local function rate_take()
  paid_until, grants = now * 1000 + ahead() + gap, grants + 1
  redis.call('HSET', KEYS[1], 'paid_until', paid_until, 'grants', grants)
end
