-- Fragment: the time, the settings and the write-back with which every script of the breaker begins.
-- KEYS    1 breaker (hash)  2 the service's failures (list)  3 the endpoint's failures (list)  4 released, waiting (zset)
--         5 released, being sent (zset)  6 counts (hash)  7 events (stream)
-- ARGV    1 now in ms, 0: Redis TIME  2 settings, as text  3..13 the numbers below, times in ms  14 endpoint
--         15 fingerprint of the API key; the script's own arguments follow from 16
-- Returns nothing; leaves `now`, the limits, `put` and `save` to the fragments after it.
-- Why     no worker's clock ever decides, and one HSET at the end writes all that has changed.
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local settings = ARGV[2]
local threshold = tonumber(ARGV[3]) -- failures that open
local span = tonumber(ARGV[4]) -- ... when they fall within this time
local open_for = tonumber(ARGV[5])
local growth = tonumber(ARGV[6])
local open_max = tonumber(ARGV[7])
local lease_for = tonumber(ARGV[8]) -- a permit or a release that is not answered for lapses
local refill = tonumber(ARGV[9]) -- calls per `per`; 0: no limit of our own
local burst = tonumber(ARGV[10])
local per = tonumber(ARGV[11])
local reserve = tonumber(ARGV[12]) -- calls left to others when Cal.com's own count runs out
local release_max = tonumber(ARGV[13])

local writes = {}

local function put(field, value)
  writes[#writes + 1] = field
  writes[#writes + 1] = value
end

local function save()
  if #writes > 0 then
    redis.call('HSET', KEYS[1], unpack(writes))
  end
end
