-- Fragment: an operator's override.
-- Why     each override records who and why, and begins a new epoch. An override with a number (its row in the database) is applied
--         once, so it can be sent again whenever Redis may have lost it.
local function reset_all()
  flush() -- so that HKEYS also has what an earlier override has just blocked
  reset_hash(BREAKER)
  blocked, misconfigured = false, false
  put('cleared', now)
  put('reset', now)
  move(service, 'closed', 0, 0, 'reset')
  reset_at = now
  obey_reset() -- the hashes of other accounts follow with their next call
end

local function apply_override(given) -- see override.lua
  local kind, number = given.kind, given.number
  if number > 0 and number <= last_override then
    return number == last_override and 'done' or 'ignored'
  end
  last_override = math.max(last_override, number)
  put('ordered', last_override)
  override = given
  if kind == 'open' then
    move(service, 'forced_open', given.ends, 0, 'forced_open')
  elseif kind == 'off' then
    move(service, 'off', given.ends, 0, 'switched_off')
    end_throttle(quota)
  elseif kind == 'reset' then
    reset_all()
    end_throttle(quota)
  elseif kind == 'block' then
    blocked = given.fingerprint == KEY and now or blocked
    put('blocked:' .. given.fingerprint, now)
  elseif service.state == 'forced_open' then
    move(service, 'half_open', 0, 0, 'automatic_again')
  elseif service.state == 'off' then
    move(service, 'closed', 0, 0, 'automatic_again')
  end
  return 'done'
end
