-- Ask: may this call go?
-- KEYS    as clock.lua
-- ARGV    10 owner (new for each call)  11 '1': a booking that may be posted now, so a probe  12 item: the released work that
--         is being sent, or ''  13 late reports, as tally() reads them  14, 15 what rate_learn() takes
-- Returns granted, credentials, breaker_open or throttled, ms to wait, probe (0, 1), serial, released (0, 1), view | forgotten
-- Why     credentials, service, endpoint and rate limit must agree before any of them gives something away: between two
--         commands another worker's probe would go too.
if not born then
  return { 'forgotten' }
end
local owner, item = ARGV[10], ARGV[12]
tally(ARGV[13])
rate_learn(tonumber(ARGV[14]), tonumber(ARGV[15]))
roll(service)
roll(endpoint)

local verdict, wait, probing = obstacle(ARGV[11] == '1')
local released = 0
if item ~= '' then
  released = redis.call('ZREM', KEYS[5], item)
end

if verdict == '' then
  verdict = 'granted'
  rate_take()
  if released == 1 then
    redis.call('ZADD', KEYS[6], now + lease_for, item)
  end
  for _, s in ipairs({ service, endpoint }) do
    if probing and s.state == 'half_open' then
      s.owner, s.lease = owner, now + lease_for
      put(s.prefix .. 'owner', owner)
      put(s.prefix .. 'lease', s.lease)
    end
  end
end

local answer = { verdict, wait, probing and 1 or 0, grants, released, view() }
save()
if verdict == 'granted' and service.state == 'closed' and endpoint.state == 'closed' then
  calm_now(born, service.epoch, endpoint.epoch)
end
return answer
