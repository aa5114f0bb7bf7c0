-- Record: the outcome of a call.
-- ARGV    6 success | failure_service | failure_endpoint | throttled | credentials | configuration | ignored
--         7 owner  8 item, or ''  9 '1': it was a trial  10, 11 the permit's epochs of the service and the endpoint (0: the
--         present ones, -1: none)  12 the permit's number of the service's window, -1: no permit  13 ms: when it was granted
--         14 reason  15 ms of Retry-After  16 stretch: the factor by which OPEN is longer, at random  17 context, JSON
--         18 error ('': not counted)  19 severity  20 ms that the call took
--         21, 22, 23 from the answer's headers: limit (0: no headers), calls remaining, ms until the window ends
-- Returns the state, then recorded, how many held items may be released now | forgotten
-- Why     counting, judging and changing the state are one step: exactly one of 64 simultaneous failures opens the breaker.
local outcome, owner, item, trial, service_epoch, endpoint_epoch, quota_window, granted_at, reason, retry_after, stretch,
  about, error, severity, took, limit, remaining, reset = unpack(ARGV, 6)
if not generation then
  return { 'forgotten' }
end
service_epoch, endpoint_epoch = tonumber(service_epoch), tonumber(endpoint_epoch)
quota_window, granted_at, retry_after = tonumber(quota_window), tonumber(granted_at), tonumber(retry_after)
context = about
if error ~= '' then
  count_calls(setting.size, ENDPOINT, error, tonumber(severity), 1, took, took, context)
end
expire_state(service)
expire_state(endpoint)

throttle_by(outcome, trial == '1', granted_at, retry_after)
quota_record(outcome, quota_window, granted_at, tonumber(limit), tonumber(remaining), tonumber(reset))

if item ~= '' and service_epoch == service.epoch and endpoint_epoch == endpoint.epoch then
  load_window()
  if redis.call('ZREM', SENDING, item) == 1 then
    resize_after(outcome)
  end
end

apply_block(outcome, trial == '1', granted_at)
local service_result, endpoint_result
if outcome == 'success' then
  service_result, endpoint_result = 'alive', 'alive'
elseif outcome == 'failure_endpoint' then
  service_result, endpoint_result = 'alive', 'failed'
elseif outcome == 'failure_service' then -- both failed; otherwise healthy reads would hide a dead POST
  service_result, endpoint_result = 'failed', 'failed'
end
-- A call that began before one scope changed is no evidence about the other. Otherwise, when an endpoint opens, the failures of its
-- calls in flight would open the whole service.
if service_epoch > 0 and service_epoch ~= service.epoch then
  endpoint_result = nil
elseif endpoint_epoch > 0 and endpoint_epoch ~= endpoint.epoch and service_result == 'failed' then
  service_result = nil
end
local report = { owner = owner, reason = reason, retry_after = retry_after, stretch = tonumber(stretch) }
apply_outcome(service, SERVICE_FAILURES, service_result, service_epoch, report)
apply_outcome(endpoint, ENDPOINT_FAILURES, endpoint_result, endpoint_epoch, report)

local room = 0
if item ~= '' then -- the process that ended this item may send the next one
  load_window()
  room = release_room()
end
quota_save()
return reply('recorded', room)
