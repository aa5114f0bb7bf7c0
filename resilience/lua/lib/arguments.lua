-- Fragment: the keys, the common arguments and the time of the breaker's scripts.
-- KEYS    one hash tag keeps them on one node of a cluster. SERVICE_FAILURES, ENDPOINT_FAILURES, OWN_FAILURES: lists of the times of
--         failures in a row. OWN: the hash of the account's key (account.lua); the last two only if the account is not alone
-- ARGV    1 endpoint  2, 3 fingerprints of the API key and of the settings that lead to the service  4 the breaker's settings, JSON
--         5, 6 the account's limit: emission_interval and burst_tolerance, us  7 the account's id, '': it is alone
--         8 by how many accounts failures in a row must be to open the breaker for all  9 now in ms, 0: Redis TIME; the script's own
--         arguments follow from 10
-- Why     no worker's clock decides. The limit is no setting: accounts with different limits share one breaker.
local RATE, COUNTS, WINDOWS, BREAKER, EVENTS, RELEASED, SENDING, SENDERS, SERVICE_FAILURES, ENDPOINT_FAILURES, OWN, OWN_FAILURES =
  unpack(KEYS)
local ENDPOINT, KEY, CONFIGURATION, SETTINGS = unpack(ARGV, 1, 4)
local ACCOUNT, ACCOUNTS_TO_OPEN = ARGV[7], tonumber(ARGV[8])

local now = tonumber(ARGV[9])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local setting = cjson.decode(SETTINGS)
setting.emission_interval, setting.burst_tolerance = tonumber(ARGV[5]), tonumber(ARGV[6])
