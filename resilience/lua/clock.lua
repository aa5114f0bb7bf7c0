-- Fragment: the keys, the common arguments and the time. Every script begins with it.
-- KEYS    1 rate (hash)  2 counts (hash)  3 windows (hash)  4 breaker (hash)  5 events (stream)  6 released, waiting (zset)
--         7 released, being sent (zset)  8 the service's failures (list)  9 the endpoint's failures (list); one hash tag.
--         pass.lua takes only the first of them, tell.lua the first three
-- ARGV    1 now in ms, 0: Redis TIME  2 name of the calm entry  3 gap  4 depth  5 reserve: see rate.lua
--         6 slack: see rate_news.lua  7 size: see windows.lua  8 settings, as text  9 endpoint  10 fingerprint of the API
--         key; the script's own arguments follow from 11, those of pass.lua from 6, of tell.lua from 8
-- Returns nothing; leaves `now`.
-- Why     no worker's clock ever decides.
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
