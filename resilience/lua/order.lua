-- Tell: an operator's order.
-- KEYS    as clock.lua
-- ARGV    16 open | off | auto | reset | block  17 its number, 0: none  18 by  19 why  20 end in ms, 0: none  21 fingerprint
-- Returns done | ignored | forgotten, view
-- Why     at once and for the whole fleet, with an event that says who and why.
if not born then
  return { 'forgotten' }
end
roll(service)
roll(endpoint)
local verdict = obey(ARGV[16], tonumber(ARGV[17]), ARGV[18], ARGV[19], tonumber(ARGV[20]), ARGV[21])
local answer = { verdict, view() }
save()
return answer
