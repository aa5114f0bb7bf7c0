-- Look: the windows, as windows.lua keeps them; and drop those that are written down.
-- KEYS    as clock.lua
-- ARGV    11 ms: all windows that ended until then are written down
-- Returns now, the windows that are left
-- Why     in one step, so that no window is counted on while it is dropped. A server that runs anew may have come back with
--         old figures, so what it kept is doubted once.
local written = tonumber(ARGV[11])
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('HGET', KEYS[3], 'run') ~= run then
  redis.call('HSET', KEYS[3], 'run', run, 'whole_from', now)
end
local cells = redis.call('HGETALL', KEYS[3])
for i = 1, #cells, 2 do
  local start, length, errors = string.match(cells[i + 1], '^(%d+) (%d+) %d+ %d+ %d+ %d+ (%S*)$')
  if start and start + length <= written then
    redis.call('HDEL', KEYS[3], cells[i])
    for error in string.gmatch(errors, '[^,]+') do
      redis.call('HDEL', KEYS[3], cells[i] .. '/' .. error)
    end
  end
end
return { now, redis.call('HGETALL', KEYS[3]) }
