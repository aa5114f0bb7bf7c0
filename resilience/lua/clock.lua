-- Fragment: the keys, the common arguments and the time. Every script begins with it.
-- KEYS    1 rate (hash)  2 counts (hash)  3 breaker (hash)  4 events (stream)  5 released, waiting (zset)
--         6 released, being sent (zset)  7 the service's failures (list)  8 the endpoint's failures (list); one hash tag.
--         pass.lua takes only the first of them, tell.lua the first two
-- ARGV    1 now in ms, 0: Redis TIME  2 name of the calm entry  3 gap  4 depth  5 reserve: see rate.lua
--         6 slack: see rate_news.lua  7 settings, as text  8 endpoint  9 fingerprint of the API key; the script's own
--         arguments follow from 10, those of pass.lua from 6, of tell.lua from 7
-- Returns nothing; leaves `now`.
-- Why     no worker's clock ever decides.
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
