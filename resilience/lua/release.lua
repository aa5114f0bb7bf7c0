-- Ask: which of these held items may be sent now?
-- KEYS    as clock.lua
-- ARGV    11.. the items, oldest first; none: only ask how many
-- Returns '' | credentials | breaker_open | throttled | in_flight | forgotten, ms after which to ask again, how many more
--         might go now, the items that may go, view
-- Why     two releasers that picked the same items must not both send them, nor twice the window together.
if not born then
  return { 'forgotten' }
end
roll(service)
roll(endpoint)
window_open()

local room, reason, wait = window_room()
local granted = {}
for i = 11, #ARGV do
  local item = ARGV[i]
  local known_already = redis.call('ZSCORE', KEYS[6], item) or redis.call('ZSCORE', KEYS[7], item)
  if #granted < room and not known_already then
    redis.call('ZADD', KEYS[6], now + lease_for, item)
    granted[#granted + 1] = item
  end
end

local answer = { reason, wait, room - #granted, granted, view() }
save()
return answer
