-- Report: what came of a call.
-- KEYS    as clock.lua
-- ARGV    16 owner  17 item, or ''  18, 19 epochs of the service and the endpoint in the permit (0: the present ones, -1: none)
--         20 success | failure_service | failure_endpoint | throttled | credentials | ignored  21 reason  22 ms of Retry-After
--         23 context, JSON  24 late reports and this one, as tally() reads them  25, 26 what rate_learn() takes
-- Returns recorded | forgotten, how many held items may be released now, view
-- Why     counting, judging and changing state in one step: of 64 failures at once exactly one opens the breaker.
local SERVICE = { success = 'success', failure_endpoint = 'success', failure_service = 'failure' }
local ENDPOINT = { success = 'success', failure_endpoint = 'failure' } -- a failure counts for one of the two, never for both

if not born then
  return { 'forgotten' }
end
local owner, item, outcome, reason = ARGV[16], ARGV[17], ARGV[20], ARGV[21]
local service_epoch, endpoint_epoch, retry_after = tonumber(ARGV[18]), tonumber(ARGV[19]), tonumber(ARGV[22])
note.context = ARGV[23]
tally(ARGV[24])
rate_learn(tonumber(ARGV[25]), tonumber(ARGV[26]))
roll(service)
roll(endpoint)

if outcome == 'throttled' then
  rate_block(retry_after)
end
if outcome == 'credentials' then
  known[4] = now
  put('blocked:' .. ARGV[15], now)
end

local mine = 0
if item ~= '' then
  window_open()
  mine = redis.call('ZREM', KEYS[5], item)
end
if service_epoch == 0 or (service_epoch == service.epoch and endpoint_epoch == endpoint.epoch) then
  window_done(mine, outcome)
end
vote(service, KEYS[2], SERVICE[outcome], service_epoch, owner, reason, retry_after)
vote(endpoint, KEYS[3], ENDPOINT[outcome], endpoint_epoch, owner, reason, retry_after)

local room = 0
if item ~= '' then -- whoever ends one may send the next
  window_open()
  room = window_room()
end
local answer = { 'recorded', room, view() }
save()
return answer
