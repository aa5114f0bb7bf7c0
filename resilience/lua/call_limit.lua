-- Let one call of a caller go, or say how long it has to wait: GCRA, as lib/quota.lua has it for Cal.com, of one number.
-- KEYS[1] (string): us, the theoretical arrival time.  ARGV: us between two calls; how many may come at once.
-- Returns ms until the call may come again; 0: it may go.
local clock = redis.call('TIME')
local now, interval = clock[1] * 1000000 + clock[2], tonumber(ARGV[1])
local longest = interval * ARGV[2]
local tat = math.min(tonumber(redis.call('GET', KEYS[1]) or 0), now + longest) -- a later time: a clock was set back
tat = math.max(tat, now) + interval
if tat - now > longest then
  return math.ceil((tat - now - longest) / 1000)
end
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
return 0
