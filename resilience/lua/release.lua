-- Release: choose which of these held items may be sent now.
-- ARGV    10 release_max, the ceiling of the window, 0: none  11.. the items, oldest first; no items: only count how many may go
-- KEYS    BREAKER: turn: the account, one of several, that was let go last, by any process
-- Returns the state, then '' | credentials | configuration | breaker_open | throttled | in_flight, ms until the next try, how many more
--         may go now, the items that may go, how many more may go, whichever account's they are, without items the turn | forgotten
-- Why     two callers with the same items must not both send them, nor together exceed the window.
if not generation then
  return { 'forgotten' }
end
expire_all()
load_window()

local most = ceiling(ARGV[10])
local room, reason, wait = release_room(most)
local granted = {}
for _, item in ipairs({ unpack(ARGV, 11) }) do
  local known_already = redis.call('ZSCORE', RELEASED, item) or redis.call('ZSCORE', SENDING, item)
  if #granted < room and not known_already then
    redis.call('ZADD', RELEASED, now + setting.lease_for, item)
    granted[#granted + 1] = item
  end
end
if #granted > 0 then
  note_use(counted_for(ACCOUNT))
end
if own and #granted > 0 then
  put('admitted', now * 1000 + ahead + #granted * message_interval, OWN)
  put('turn', ACCOUNT)
end
quota_save(quota)
local turn = #ARGV == 10 and redis.call('HGET', BREAKER, 'turn') or ''
return reply(reason, wait, room - #granted, granted, free_places(most, ''), turn)
