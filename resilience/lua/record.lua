-- Record: the outcome of a call.
-- ARGV    10 success | failure_service | failure_endpoint | throttled | credentials | configuration | ignored
--         11 owner  12 item, or ''  13 '1': it was a trial  14, 15 the permit's epochs of the service and the endpoint (0: the
--         present ones, -1: none)  16 the permit's number of the service's window, -1: no permit  17 ms: when it was granted
--         18 reason  19 ms of Retry-After  20 stretch: the factor by which OPEN is longer, at random  21 context, JSON
--         22 error ('': not counted)  23 severity  24 ms that the call took
--         25, 26, 27 from the answer's headers: limit (0: no headers), calls remaining, ms until the window ends
--         28 the permit's epoch of the account's breaker  29 '1': nothing was sent  30 ms when the item was released
--         31 ms when its attempt's first call was permitted  32 release_max, the ceiling of the window, 0: none
-- Returns the state, then recorded, how many held items may be released now | forgotten
-- Why     counting, judging and changing the state are one step: exactly one of 64 simultaneous failures opens the breaker.
local outcome, owner, item, trial, service_epoch, endpoint_epoch, quota_window, granted_at, reason, retry_after, stretch,
  about, error, severity, took, limit, remaining, reset, own_epoch, never_sent, released_at,
  taken_at, release_max = unpack(ARGV, 10)
if not generation then
  return { 'forgotten' }
end
service_epoch, endpoint_epoch, own_epoch = tonumber(service_epoch), tonumber(endpoint_epoch), tonumber(own_epoch)
quota_window, granted_at, retry_after = tonumber(quota_window), tonumber(granted_at), tonumber(retry_after)
never_sent, released_at = never_sent == '1', tonumber(released_at)
local most = ceiling(release_max)
context = about
if error ~= '' then
  count_calls(setting.size, ENDPOINT, error, tonumber(severity), 1, took, took, context)
end
expire_all()

throttle_by(quota, outcome, trial == '1', granted_at, retry_after)
quota_record(quota, outcome, quota_window, granted_at, tonumber(limit), tonumber(remaining), tonumber(reset))

if item ~= '' and service_epoch == service.epoch and endpoint_epoch == endpoint.epoch then
  load_window()
  if stop_sending(item) then
    if outcome == 'success' then
      note_answer(granted_at)
      taken_at = tonumber(taken_at)
      grow(released_at, taken_at, taken_at == granted_at and math.min(most, fitting()) or most)
    elseif FAILURES[outcome] and not counts_for_itself_only(outcome, own_epoch, never_sent) then
      halve(released_at)
    end
  end
end

apply_block(outcome, trial == '1', granted_at)
apply_to_all(outcome, { service_epoch, endpoint_epoch, own_epoch }, {
  owner = owner, reason = reason, retry_after = retry_after, stretch = tonumber(stretch), never_sent = never_sent,
})

local room = 0
if item ~= '' then -- the process that ended this item may send the next one
  load_window()
  room = own and free_places(most, '') or release_room(most) -- of several accounts the next item may be another one's
end
quota_save(quota)
return reply('recorded', room)
