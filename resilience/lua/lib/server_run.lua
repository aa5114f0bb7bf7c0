-- Fragment: the id of the server's run.
-- Why     a server that was started again may have old counts. If the user has no right to INFO (@dangerous), an old snapshot
--         is not noticed; nothing else is lost.
local function server_run()
  local answer = redis.pcall('INFO', 'server')
  return type(answer) == 'string' and string.match(answer, 'run_id:(%w+)') or 'unknown'
end
