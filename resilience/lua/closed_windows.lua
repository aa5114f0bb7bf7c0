-- Look: the windows, as call_stats.lua keeps them; and drop those that are written down.
-- ARGV    3 ms: all windows that ended until then are written down
-- Returns now, the windows that are left
-- Why     in one step, so that no window is counted on while it is dropped.
local written = tonumber(ARGV[3])
local run = server_run()
if redis.call('HGET', WINDOWS, 'run') ~= run then
  redis.call('HSET', WINDOWS, 'run', run, 'whole_from', now)
end
local cells = redis.call('HGETALL', WINDOWS)
for i = 1, #cells, 2 do
  local start, length, errors = string.match(cells[i + 1], '^(%d+) (%d+) %d+ %d+ %d+ %d+ (%S*)$')
  if start and start + length <= written then
    redis.call('HDEL', WINDOWS, cells[i], cells[i] .. '/times')
    for error in string.gmatch(errors, '[^,]+') do
      redis.call('HDEL', WINDOWS, cells[i] .. '/' .. error)
    end
  end
end
return { now, redis.call('HGETALL', WINDOWS) }
