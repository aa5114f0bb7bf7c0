-- Report, the short way: one success on a closed breaker.
-- KEYS    1 rate  2 counts  3 windows
-- ARGV    1 to 7 as clock.lua  8 endpoint  9 ms that the call took  10, 11 what rate_learn() takes
-- Returns 1 | nothing: tell record.lua
-- Why     it changes no state; in strict mode each success comes this way.
if calm then
  count(ARGV[8], 0, 1, ARGV[9], ARGV[9])
  book(ARGV[8], 'none', 0, 1, ARGV[9], ARGV[9], '')
  rate_learn(tonumber(ARGV[10]), tonumber(ARGV[11]))
  return 1
end
return false
