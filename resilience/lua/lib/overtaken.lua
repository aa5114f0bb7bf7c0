-- Fragment: what the items of one account count for the others, where there are several: how many of those under way an account finds
-- in the window.
-- KEYS    SENDERS: the account of each item in SENDING   BREAKER: answered: ms of the latest permit of an item whose call was a success
--         (its field ends as those of release_window.lua)
-- Why     Cal.com may be slow for one account, for example because it waits for that account's webhook receiver. An item that another
--         account's success has overtaken, by a call that began SLOW later, shows that: it takes no place from others. If all are slow
--         none is overtaken, and if all are quick none is out for so long, so that the window is as for one account. While slow items
--         fill it nothing else could overtake them: one item more goes, of an account that has none under way.
--         An item of which no account is known counts for all: a worker that knows no SENDERS sends it, or there is one account.
local SLOW, MOST_READ = 3000, 1000 -- ms; items, the oldest of a larger window: the others count

local function senders_until(ends) -- the accounts of the items whose leases end by then, false: not known
  local items = redis.call('ZRANGEBYSCORE', SENDING, '-inf', ends, 'LIMIT', 0, MOST_READ)
  return #items > 0 and redis.call('HMGET', SENDERS, unpack(items)) or {}
end

local function note_answer(granted_at) -- when the call of an item was permitted that was a success
  if own and (granted_at > answered or answered > now) then -- a later time: a clock was set back
    answered = granted_at
    put('answered' .. LINE, answered)
  end
end

local function counted_for(account) -- '': for one that has nothing under way
  local counted = under_way()
  for _, sender in ipairs(answered <= now and senders_until(answered - SLOW + setting.lease_for) or {}) do
    counted = counted - (sender and sender ~= account and 1 or 0)
  end
  return counted
end

local function may_scout(account) -- whether one more of it may go, to find out whether only the others' items are slow
  local known = false
  if #senders_until(now - SLOW + setting.lease_for) > 0 then
    for _, sender in ipairs(senders_until('+inf')) do
      if sender == account then
        return false
      end
      known = known or sender ~= false
    end
  end
  return known
end
