-- Read: the windows of call_stats.lua; delete those that the database has.
-- ARGV    3 ms: the database has all windows that ended by then
-- Returns now, the windows that are left
-- Why     all is done in one step, so that no call is counted in a window while it is deleted.
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
keep(COUNTS, WINDOWS)
return { now, redis.call('HGETALL', WINDOWS) }
