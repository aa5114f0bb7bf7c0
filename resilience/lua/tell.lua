-- Report, the short way: successes on a closed breaker.
-- KEYS    1 rate  2 counts
-- ARGV    1 to 6 as clock.lua  7 reports, as tally() reads them  8, 9 what rate_learn() takes
-- Returns the calm entry, serial | nothing: tell record.lua
-- Why     they change no state; in strict mode each success comes this way.
if calm then
  tally(ARGV[7])
  rate_learn(tonumber(ARGV[8]), tonumber(ARGV[9]))
  return { calm, grants }
end
return false
