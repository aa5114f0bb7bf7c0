-- Report: what came of a call.
-- KEYS    as clock.lua
-- ARGV    11 owner  12 item, or ''  13, 14 epochs of the service and the endpoint in the permit (0: the present ones, -1: none)
--         15 success | failure_service | failure_endpoint | throttled | credentials | ignored  16 reason  17 ms of
--         Retry-After  18 stretch  19 context, JSON  20 late reports and this one, as tally() reads them
--         21, 22 what rate_learn() takes
-- Returns recorded, how many held items may be released now, view | forgotten
-- Why     counting, judging and changing state in one step: of 64 failures at once exactly one opens the breaker.
local SERVICE = { success = 'success', failure_endpoint = 'success', failure_service = 'failure' }
local ENDPOINT = { success = 'success', failure_endpoint = 'failure' } -- a failure counts for one of the two, never for both

if not born then
  return { 'forgotten' }
end
local owner, item, outcome = ARGV[11], ARGV[12], ARGV[15]
local service_epoch, endpoint_epoch = tonumber(ARGV[13]), tonumber(ARGV[14])
note.context = ARGV[19]
tally(ARGV[20], ARGV[19])
rate_learn(tonumber(ARGV[21]), tonumber(ARGV[22]))
roll(service)
roll(endpoint)

if outcome == 'throttled' then
  rate_block(retry_after)
end
if outcome == 'credentials' then
  known[4] = now
  put('blocked:' .. ARGV[10], now)
  calm_over()
end

local mine = 0
if item ~= '' then
  window_open()
  mine = redis.call('ZREM', KEYS[7], item)
end
if service_epoch == 0 or (service_epoch == service.epoch and endpoint_epoch == endpoint.epoch) then
  window_done(mine, outcome)
end
vote(service, KEYS[8], SERVICE[outcome], service_epoch, owner)
vote(endpoint, KEYS[9], ENDPOINT[outcome], endpoint_epoch, owner)

local room = 0
if item ~= '' then -- whoever ends one may send the next
  window_open()
  room = window_room()
end
local answer = { 'recorded', room, view() }
save()
return answer
