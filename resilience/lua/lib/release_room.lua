-- Fragment: how many items of held work may be released now.
-- KEYS    as release_window.lua
-- One probe: but more if what is unclear is done all the same. The first that is sent is the probe, and the others go beside it.
local function at_once_in_half_open(size)
  return does_what_is_unclear() and math.min(size, setting.threshold) or 1
end

local ahead -- of an account that is not alone: see admission.lua

local function quota_room() -- how many calls both limits allow, if nothing else denies them
  local room = math.huge
  if quota.emission_interval > 0 then
    room = math.floor((quota.burst_tolerance + quota.emission_interval - backlog(quota)) / quota.emission_interval)
  end
  if quota.limit > 0 then
    room = math.min(room, scouting(quota) and 1 or reported_room(quota))
  end
  return room
end

-- Returns how many more items of an account the window lets go, as overtaken.lua counts what is under way; '': of one that has nothing
-- under way.  most: the ceiling of the window
local function free_places(most, account)
  local size = math.min(window, most)
  local probing = false
  for _, scope in ipairs(service.state == 'off' and {} or { service, endpoint }) do
    if scope.state == 'open' or scope.state == 'forced_open' or now < scope.lease then
      return 0
    elseif scope.state == 'half_open' then
      size, probing = at_once_in_half_open(size), true
    end
  end
  if probing then
    return math.max(0, size - under_way())
  end
  local counted = counted_for(account)
  if counted == size and may_scout(account) then
    size = size + 1
  end
  return math.max(0, math.min(size - counted, most - under_way()))
end

-- Returns how many more items of this account may be released now, why none may, and ms until the next try. Of an account that is
-- alone each released item will take from the limit; of another one it takes from the pace of messages, here.
local function release_room(most)
  local reason, wait, probing = admit(true, false)
  local admitted = own and redis.call('HGET', OWN, 'admitted')
  ahead = own and messages_ahead(admitted)
  if own and (admitted or 0) - now * 1000 > ahead then -- a clock was set back: from now on the time until the next message passes
    put('admitted', now * 1000 + ahead, OWN)
  end
  if reason == '' then
    wait = quota_wait(quota)
    if own and wait == 0 then
      wait = messages_wait(ahead)
    end
    reason = wait > 0 and 'throttled' or ''
  end
  if reason ~= '' then
    return 0, reason, wait
  end
  local probes = probing and (own and 1 or at_once_in_half_open(most)) or math.huge
  local free = math.min(free_places(most, ACCOUNT), probes, quota_room() - (own and 0 or redis.call('ZCARD', RELEASED)))
  if own then
    free = math.min(free, messages_left(ahead))
  end
  if free <= 0 then
    return 0, 'in_flight', BUSY
  end
  return free, '', 0
end
