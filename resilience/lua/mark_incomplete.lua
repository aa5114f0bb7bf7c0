-- Mark the windows of a stretch until now: this server did not answer a process, so calls of it were not counted here.
-- ARGV    3 ms: how long ago the first of these calls was
-- Returns now
-- Why     only these windows lack calls; the others are whole, whenever they are written.
local first = math.max(now - ARGV[3], now - 1439 * size)
for start = first - first % size, now, size do
  redis.call('HSET', WINDOWS, 'lacks/' .. start / size % 1440, string.format('%d', start))
end
return now
