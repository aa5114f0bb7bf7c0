-- Fragment: which accounts called lately. An account that is alone has no such record.
-- KEYS    BREAKER: callers: the keys of the last three accounts that called while their own breakers were closed, each with the ms of
--         its call, "KEY=MS KEY=MS", the newest first
-- Why     the breaker opens for all by the failures of three accounts. Where only two call, an account that is idle must not hide that
--         the service is gone. As long as a call of the last minute is known nothing is written: a busy service pays nothing.
local MOST, FRESH, RECENT = 3, 60000, 600000 -- accounts; ms within which a call is not noted again; ms for which it counts

local function note_caller(callers)
  local kept, fresh = { KEY .. '=' .. now }, 0
  for key, at in string.gmatch(callers or '', '(%S+)=(%d+)') do
    if math.abs(now - at) < FRESH then -- math.abs: also if a clock was set back
      fresh = key == KEY and MOST or fresh + 1
    end
    if key ~= KEY and #kept < MOST then
      kept[#kept + 1] = key .. '=' .. at
    end
  end
  if fresh < MOST then
    redis.call('HSET', BREAKER, 'callers', table.concat(kept, ' '))
  end
end

local function recent_callers(callers)
  local number = 0
  for at in string.gmatch(callers or '', '=(%d+)') do
    number = number + (math.abs(now - at) < RECENT and 1 or 0)
  end
  return number
end
