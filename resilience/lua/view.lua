-- Fragment: what a process must remember, to go on by itself when Redis is gone.
-- KEYS    none of its own
-- ARGV    8 settings, as text
-- Returns nothing; leaves `view`.
-- Why     every long answer carries it: no extra round trip. Clients with other settings are told of each other.
local function view()
  local theirs = ''
  if known[2] ~= ARGV[8] then
    theirs = known[2] or ''
    put('settings', ARGV[8])
    calm_over()
  end
  local pair = {}
  for i, s in ipairs({ service, endpoint }) do
    pair[i] = { s.state, s.epoch, s.ends, s.opens, s.owner, s.lease }
  end
  return { now, born, theirs, pair[1], pair[2], moved }
end
