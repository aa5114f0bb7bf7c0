-- Fragment: what time alone changes; no timer, the first to ask finds it.
-- KEYS    BREAKER: ends, lease of a scope, as state_machine.lua
-- Why     a moment later than any that these rules write was left by a clock that was set back (another server leads, whose clock
--         is behind): it is not believed, and forgotten, or an hour back would keep the breaker shut for an hour. An operator's
--         end is believed however far it is.
local function forget_later(scope)
  local latest_end = math.min(scope.ends, now + setting.open_max)
  if scope.state == 'open' and scope.ends ~= latest_end then
    scope.ends = latest_end
    put(scope.prefix .. 'ends', latest_end)
  end
  local latest_lease = math.min(scope.lease, now + setting.lease_for)
  if scope.lease ~= latest_lease then
    set_probe(scope, scope.owner, latest_lease)
  end
end

local function expire_state(scope)
  forget_later(scope)
  if scope.ends == 0 or now < scope.ends then
    return
  elseif scope.state == 'off' then
    move(scope, 'closed', 0, 0, 'off_over')
  else
    move(scope, 'half_open', 0, scope.opens, 'open_over')
  end
end
