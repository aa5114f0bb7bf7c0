-- Let calls of a caller go, as many as may, or say how long the next one has to wait: GCRA, as lib/quota.lua has it for
-- Cal.com, of one number.
-- KEYS[1] (string): us, the theoretical arrival time.  ARGV: us between two calls; how many may come at once; how many come.
-- Returns how many may go, ms until the next one may (0: all may go), and how many more may go at once after these.
local clock = redis.call('TIME')
local now, interval, calls = clock[1] * 1000000 + clock[2], tonumber(ARGV[1]), tonumber(ARGV[3])
local longest = interval * ARGV[2]
local tat = math.min(tonumber(redis.call('GET', KEYS[1]) or 0), now + longest) -- a later time: a clock was set back
tat = math.max(tat, now)
local may_go = math.min(calls, math.floor((now + longest - tat) / interval))
if may_go > 0 then
  tat = tat + interval * may_go
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
end
local left = math.floor((now + longest - tat) / interval)
if may_go == calls then
  return {may_go, 0, left}
end
return {may_go, math.ceil((tat + interval - now - longest) / 1000), left}
