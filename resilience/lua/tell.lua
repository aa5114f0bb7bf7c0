-- Report, the short way: one success on a closed breaker.
-- KEYS    1 rate  2 counts
-- ARGV    1 to 6 as clock.lua  7 endpoint  8 ms that the call took  9, 10 what rate_learn() takes
-- Returns 1 | nothing: tell record.lua
-- Why     it changes no state; in strict mode each success comes this way.
if calm then
  count(ARGV[7], 'none', 1, ARGV[8], ARGV[8])
  rate_learn(tonumber(ARGV[9]), tonumber(ARGV[10]))
  return 1
end
return false
