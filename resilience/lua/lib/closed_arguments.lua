-- Fragment: the keys, the common arguments and the time, where the breaker is closed: what such a call does not need is not sent.
-- ARGV    1 endpoint  2 fingerprint of the API key  3 of the settings that lead to the service  4 the breaker's settings, JSON
--         5, 6, 7, 8 some of them: emission_interval, burst_tolerance, rate_window, size  9, 10 the epochs of the service
--         and the endpoint in which the caller knows both to be closed  11 now in ms, 0: Redis TIME; the script's own arguments follow from 12
local RATE, BREAKER, COUNTS, WINDOWS = unpack(KEYS)
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
