-- Ask: which of these held items may be sent now?
-- ARGV    6.. the items, oldest first; none: only ask how many
-- Returns view, then '' | credentials | configuration | breaker_open | throttled | in_flight, ms after which to ask again, how many more
--         might go now, the items that may go | forgotten
-- Why     two releasers that picked the same items must not both send them, nor twice the window together.
if not born then
  return { 'forgotten' }
end
expire(service)
expire(endpoint)
window_open()

local room, reason, wait = window_room()
local granted = {}
for i = 6, #ARGV do
  local item = ARGV[i]
  local known_already = redis.call('ZSCORE', RELEASED, item) or redis.call('ZSCORE', SENDING, item)
  if #granted < room and not known_already then
    redis.call('ZADD', RELEASED, now + setting.lease_for, item)
    granted[#granted + 1] = item
  end
end
quota_save()
return view(reason, wait, room - #granted, granted)
