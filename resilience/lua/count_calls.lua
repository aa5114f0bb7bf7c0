-- Record: many calls at once that no breaker guards.
-- ARGV    3 "endpoint error severity calls sum_ms longest_ms;" for each group of calls  4 context, JSON
-- Returns now
local reports, context = unpack(ARGV, 3)
if redis.call('HSETNX', WINDOWS, 'whole_from', now) == 1 then
  redis.call('HSET', WINDOWS, 'run', server_run())
end
for name, error, severity, calls, sum, longest in string.gmatch(reports, '(%S+) (%S+) (%d) (%d+) (%d+) (%d+);') do
  count_calls(size, name, error, tonumber(severity), calls, sum, longest, context)
end
return now
