-- Ask: may this call go?
-- KEYS    as clock.lua
-- ARGV    16 owner (new for each call)  17 '1': a booking that may be posted now, so a probe  18 item: the released work
--         that is being sent, or ''  19 late reports, as tally() reads them  20, 21 what rate_learn() takes
-- Returns granted | credentials | breaker_open | throttled | forgotten, ms to wait, probe (0, 1), serial, released (0, 1), view
-- Why     credentials, service, endpoint and rate limit must agree before any of them gives something away: between two
--         commands another worker's probe would go too.
if not born then
  return { 'forgotten' }
end
local owner, item = ARGV[16], ARGV[18]
tally(ARGV[19])
rate_learn(tonumber(ARGV[20]), tonumber(ARGV[21]))
roll(service)
roll(endpoint)

local verdict, wait, probing = obstacle(ARGV[17] == '1')
local released = 0
if item ~= '' then
  released = redis.call('ZREM', KEYS[4], item)
end

if verdict == '' then
  verdict = 'granted'
  rate_take()
  if released == 1 then
    redis.call('ZADD', KEYS[5], now + lease_for, item)
  end
  for _, s in ipairs({ service, endpoint }) do
    if probing and s.state == 'half_open' then
      s.owner, s.lease = owner, now + lease_for
      put(s.prefix .. 'owner', owner)
      put(s.prefix .. 'lease', s.lease)
    end
  end
end

local answer = { verdict, wait, probing and 1 or 0, rate.grants, released, view() }
save()
return answer
