-- Fragment: the service's breaker and the endpoint's, read at once; the one door through which a state changes.
-- KEYS    2 counts  4 breaker  5 events
-- ARGV    9 endpoint  10 fingerprint of the API key
-- Returns nothing; leaves `known`, `born`, `service`, `endpoint`, `note`, `moved`, `put`, `save` and `move`.
-- Why     each change has its epoch and its event, written in the same step: a kill between the two is impossible.
local NAMES = { 'state', 'epoch', 'ends', 'opens', 'failures', 'owner', 'lease' }
local at = ARGV[9] .. '/'
local known = redis.call('HMGET', KEYS[4],
  'born', 'settings', 'ordered', 'blocked:' .. ARGV[10], 'fence', 'window',
  'state', 'epoch', 'ends', 'opens', 'failures', 'owner', 'lease',
  at .. 'state', at .. 'epoch', at .. 'ends', at .. 'opens', at .. 'failures', at .. 'owner', at .. 'lease')
local born = tonumber(known[1]) -- the generation: missing when Redis has forgotten; the first epoch of all
local note = { by = '', why = '', context = '' }
local moved, writes = {}, {}

local function put(field, value)
  writes[#writes + 1] = field
  writes[#writes + 1] = value
end

local function save()
  if #writes > 0 then
    redis.call('HSET', KEYS[4], unpack(writes))
  end
end

local function scope(name, prefix, from)
  return {
    name = name, prefix = prefix,
    state = known[from] or 'closed', epoch = tonumber(known[from + 1]) or born,
    ends = tonumber(known[from + 2]) or 0, opens = tonumber(known[from + 3]) or 0,
    failures = tonumber(known[from + 4]) or 0, owner = known[from + 5] or '', lease = tonumber(known[from + 6]) or 0,
  }
end

local service, endpoint = scope('', '', 7), scope(ARGV[9], at, 14)

local function move(s, state, ends, opens, reason)
  local old, failures = s.state, s.failures
  s.epoch = math.max(s.epoch + 1, now) -- never reused, not even by a Redis that has forgotten
  s.state, s.ends, s.opens, s.failures, s.owner, s.lease = state, ends, opens, 0, '', 0
  for _, name in ipairs(NAMES) do
    put(s.prefix .. name, s[name])
  end
  calm_over()
  if state == 'closed' then -- an outage that is over says nothing about what comes
    redis.call('DEL', KEYS[2])
  end
  moved[#moved + 1] = { s.name, old, state, s.epoch, reason, failures }
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 'endpoint', s.name, 'old', old, 'new', state,
    'reason', reason, 'failures', failures, 'epoch', s.epoch, 'at', now, 'ends', ends,
    'by', note.by, 'why', note.why, 'context', note.context)
end
