-- Ask: may this call go?
-- KEYS    as clock.lua
-- ARGV    11 owner (new for each call)  12 '1': a booking that may be posted now, so a probe  13 item: the released work that
--         is being sent, or ''  14 late reports, as tally() reads them  15, 16 what rate_learn() takes
-- Returns granted, credentials, breaker_open or throttled, ms to wait, probe (0, 1), serial, released (0, 1), view | forgotten
-- Why     credentials, service, endpoint and rate limit must agree before any of them gives something away: between two
--         commands another worker's probe would go too.
if not born then
  return { 'forgotten' }
end
local owner, item = ARGV[11], ARGV[13]
tally(ARGV[14], '')
rate_learn(tonumber(ARGV[15]), tonumber(ARGV[16]))
roll(service)
roll(endpoint)

local verdict, wait, probing = obstacle(ARGV[12] == '1')
local released = 0
if item ~= '' then
  released = redis.call('ZREM', KEYS[6], item)
end

if verdict == '' then
  verdict = 'granted'
  rate_take()
  if released == 1 then
    redis.call('ZADD', KEYS[7], now + lease_for, item)
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
