-- Tell: an operator's order.
-- KEYS    as clock.lua
-- ARGV    10 open | off | auto | reset | block  11 its number, 0: none  12 by  13 why  14 end in ms, 0: none
--         15 fingerprint
-- Returns done | ignored | forgotten, view
-- Why     at once and for the whole fleet, with an event that says who and why.
if not born then
  return { 'forgotten' }
end
roll(service)
roll(endpoint)
local verdict = obey(ARGV[10], tonumber(ARGV[11]), ARGV[12], ARGV[13], tonumber(ARGV[14]), ARGV[15])
local answer = { verdict, view() }
save()
return answer
