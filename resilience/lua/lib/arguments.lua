-- Fragment: the keys, the common arguments and the time. Every script of the breaker begins with it.
-- KEYS    one hash tag keeps them on one node of a cluster; the last two are lists of the times of failures in a row
-- ARGV    1 endpoint  2, 3 fingerprints of the API key and of the settings that lead to the service  4 the breaker's settings, JSON
--         5 now in ms, 0: Redis TIME; the script's own arguments follow from 6
-- Why     no worker's clock decides.
local RATE, COUNTS, WINDOWS, BREAKER, EVENTS, RELEASED, SENDING, SERVICE_FAILURES, ENDPOINT_FAILURES = unpack(KEYS)
local ENDPOINT, KEY, CONFIGURATION, SETTINGS = unpack(ARGV, 1, 4)

local now = tonumber(ARGV[5])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local setting = cjson.decode(SETTINGS)
