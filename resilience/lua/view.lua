-- Fragment: what a process must remember, to go on by itself when Redis is gone.
-- KEYS    1 breaker
-- ARGV    2 settings, as text
-- Returns nothing; leaves `view`.
-- Why     every answer carries it: no extra round trip. Clients with other settings are told of each other.
local function view()
  local theirs = ''
  if known[2] ~= settings then
    theirs = known[2] or ''
    put('settings', settings)
  end
  local pair = {}
  for i, s in ipairs({ service, endpoint }) do
    pair[i] = { s.state, s.epoch, s.ends, s.opens, s.owner, s.lease }
  end
  return { now, born, theirs, pair[1], pair[2], moved }
end
