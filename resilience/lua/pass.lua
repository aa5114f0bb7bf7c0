-- Ask, the short way: may this call go through a breaker that is closed?
-- KEYS    1 rate
-- ARGV    1 to 6 as clock.lua
-- Returns the calm entry, serial | nothing: ask acquire.lua
-- Why     nearly every call: one read, one write. A guarded call must not cost much more than a PING.
if calm and rate_wait() == 0 then
  rate_take()
  return { calm, grants }
end
return false
