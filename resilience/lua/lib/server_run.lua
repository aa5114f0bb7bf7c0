-- Fragment: which run of the server this is.
-- Why     one that runs anew may have come back with old figures. A user who may not ask (INFO is @dangerous) is not told of
--         it: then an old snapshot goes unnoticed, and nothing else is lost.
local function server_run()
  local answer = redis.pcall('INFO', 'server')
  return type(answer) == 'string' and string.match(answer, 'run_id:(%w+)') or 'unknown'
end
