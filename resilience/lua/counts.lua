-- Fragment: what the failure detector looks at: the calls of the last five minutes, second by second.
-- KEYS    2 counts (hash): "<second % SECONDS>/<endpoint>" -> "second calls sum_ms longest_ms low medium critical", the last
--         three its failures by severity; "last/<endpoint>" -> ms of its last failure
-- ARGV    none of its own
-- Returns nothing; leaves `count`.
-- Why     rides in the breaker's round trip; exact to the second in constant memory, no sorted set that grows.
local SECONDS = 300

local function count(name, severity, calls, sum, longest) -- severity: 1 low, 2 medium, 3 critical, 0 successes
  local second = math.floor(now / 1000)
  local field = second % SECONDS .. '/' .. name
  local old = redis.call('HGET', KEYS[2], field) or ''
  local since, n, total, most, low, medium, critical =
    string.match(old, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  if tonumber(since) ~= second then
    n, total, most, low, medium, critical = 0, 0, 0, 0, 0, 0
  end
  local bad = { low, medium, critical }
  if severity > 0 then
    bad[severity] = bad[severity] + calls
    redis.call('HSET', KEYS[2], 'last/' .. name, now)
  end
  redis.call('HSET', KEYS[2], field, string.format('%d %d %d %d %d %d %d',
    second, n + calls, total + sum, math.max(most, longest), bad[1], bad[2], bad[3]))
end
