-- Record, for nearly every call: a success, if the breaker has stayed closed since the permit and counts no failure.
-- ARGV    12, 13 the permit's number of the service's window, and when it was granted, ms  14 ms that the call took
--         15, 16, 17 the answer's headers, as record.lua's last three
-- Returns now, recorded | now alone: something changed, run record.lua
-- Why     this success changes no state: the call is counted, nothing else.
local window, granted_at, took, limit, remaining, reset = unpack(ARGV, 12)
local born, settings, paged, epoch, failures, own_epoch, own_failures = unpack(redis.call('HMGET', BREAKER,
  'born', 'settings', 'page:' .. CONFIGURATION, 'epoch', 'failures', ENDPOINT .. '/epoch', ENDPOINT .. '/failures'))
if epoch ~= service_epoch or (own_epoch or born) ~= endpoint_epoch or settings ~= SETTINGS then
  return { now }
elseif paged == ENDPOINT or (failures or '0') ~= '0' or (own_failures or '0') ~= '0' then -- a success would clear these
  return { now }
end
if OWN then
  local state, page, count = unpack(redis.call('HMGET', OWN, ENDPOINT .. '/state', 'page:' .. CONFIGURATION, ENDPOINT .. '/failures'))
  if state and state ~= 'closed' or page == ENDPOINT or (count or '0') ~= '0' then
    return { now }
  end
end

count_calls(setting.size, ENDPOINT, 'none', 0, 1, took, took, '')
quota_record(quota, 'success', tonumber(window), tonumber(granted_at), tonumber(limit), tonumber(remaining), tonumber(reset))
quota_save(quota)
return { now, 'recorded' }
