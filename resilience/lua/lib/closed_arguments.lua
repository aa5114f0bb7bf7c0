-- Fragment: the keys, the common arguments and the time of the scripts for a closed breaker.
-- ARGV    1 endpoint  2, 3 fingerprints of the API key and of the settings that lead to the service  4 the breaker's settings, JSON
--         5, 6 the account's limit: emission_interval, burst_tolerance  7, 8 two of the settings: rate_window, size  9, 10 the epochs in which
--         the caller knows the service and the endpoint as closed  11 now in ms, 0: Redis TIME; the script's own arguments follow
local RATE, BREAKER, COUNTS, WINDOWS, OWN = unpack(KEYS) -- OWN: only if the account is not alone, see account.lua
local KEPT = 7200000 -- ms, see at_rest.lua
local ENDPOINT, KEY, CONFIGURATION, SETTINGS = unpack(ARGV, 1, 4)
local service_epoch, endpoint_epoch, now = unpack(ARGV, 9, 11)
local setting = {
  emission_interval = tonumber(ARGV[5]), burst_tolerance = tonumber(ARGV[6]),
  rate_window = tonumber(ARGV[7]), size = tonumber(ARGV[8]),
}

now = tonumber(now)
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
