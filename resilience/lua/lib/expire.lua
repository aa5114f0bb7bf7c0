-- Fragment: the changes that time alone causes; there is no timer: the first script after the end makes these changes.
-- KEYS    BREAKER: ends, lease of a scope, as in state_machine.lua
-- Why     a stored time that is later than these rules can write shows that a clock was set back (a new master whose clock is
--         behind). That time is replaced; otherwise a clock set back by an hour would keep the breaker open for an hour. The end
--         that an operator set is never replaced.
local function forget_later(scope)
  local latest_end = math.min(scope.ends, now + setting.open_max)
  if scope.state == 'open' and scope.ends ~= latest_end then
    scope.ends = latest_end
    put(scope.prefix .. 'ends', latest_end, scope.hash)
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

local function expire_all()
  obey_reset()
  for _, scope in ipairs(scopes) do
    expire_state(scope)
  end
end
