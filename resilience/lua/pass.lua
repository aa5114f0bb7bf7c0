-- Ask, the short way: may this call go through a breaker that is closed?
-- KEYS    1 rate
-- ARGV    1 to 5 as clock.lua  6 the calm entry as the caller knows it
-- Returns serial | nothing: ask acquire.lua
-- Why     nearly every call: one read, one write. A guarded call must not cost much more than a PING.
if calm == ARGV[6] and rate_wait() == 0 then
  rate_take()
  return grants
end
return false
