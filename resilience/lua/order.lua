-- Tell: an operator's order.
-- KEYS    as clock.lua
-- ARGV    11 open | off | auto | reset | block  12 its number, 0: none  13 by  14 why  15 end in ms, 0: none
--         16 fingerprint
-- Returns done | ignored | forgotten, view
-- Why     at once and for the whole fleet, with an event that says who and why.
if not born then
  return { 'forgotten' }
end
roll(service)
roll(endpoint)
local verdict = obey(ARGV[11], tonumber(ARGV[12]), ARGV[13], ARGV[14], tonumber(ARGV[15]), ARGV[16])
local answer = { verdict, view() }
save()
return answer
