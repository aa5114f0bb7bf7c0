-- Fragment: the place for what is counted of each call; for now, rates of the last minute per endpoint.
-- KEYS    2 counts (hash): "<slot>/<endpoint>" -> "stamp calls failures sum_ms longest_ms"; SLOTS x endpoints fields
-- ARGV    none of its own
-- Returns nothing; leaves `count` and `tally`.
-- Why     rides in the breaker's round trip; a fixed number of buckets, no sorted set that grows.
local BUCKET, SLOTS = 10000, 7 -- the last whole minute and the bucket being filled

local function count(name, error, calls, sum, longest) -- error: a word of a small set, `none` for successes
  local stamp = math.floor(now / BUCKET)
  local field = (stamp % SLOTS) .. '/' .. name
  local old = redis.call('HGET', KEYS[2], field) or ''
  local since, n, failures, total, most = string.match(old, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
  if tonumber(since) ~= stamp then
    n, failures, total, most = 0, 0, 0, 0
  end
  if error ~= 'none' then
    failures = failures + calls
  end
  redis.call('HSET', KEYS[2], field, string.format('%d %d %d %d %d',
    stamp, n + calls, failures, total + sum, math.max(most, longest)))
end

local function tally(told) -- "endpoint error calls sum_ms longest_ms;" once for each pair that had calls
  for name, error, calls, sum, longest in string.gmatch(told, '(%S+) (%S+) (%d+) (%d+) (%d+);') do
    count(name, error, calls, sum, longest)
  end
end
