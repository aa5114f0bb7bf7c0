-- Fragment: what aggregation turns into rows: the calls of each window, and its failures by error type.
-- KEYS    3 windows (hash): "<slot>/<endpoint>" -> "start size calls sum_ms longest_ms failures error,error..."; for each of
--         these errors "<slot>/<endpoint>/<error>" -> "low medium critical first last context"; "whole_from" -> ms: windows
--         that began before may lack calls; "run" -> the server's run. Times in ms
-- ARGV    7 size: ms that one window lasts
-- Returns nothing; leaves `book` and `tally`.
-- Why     rides in the breaker's round trip; sparse, and a slot that comes round again drops what it held: constant memory,
--         and yet a day of minutes for an aggregation that comes late.
local WINDOWS = 1440
local size = tonumber(ARGV[7])

local function fail(field, severity, calls, context)
  local old = redis.call('HGET', KEYS[3], field) or ''
  local low, medium, critical, first, before = string.match(old, '^(%d+) (%d+) (%d+) (%d+) %d+ (.*)$')
  if not first then
    low, medium, critical, first, before = 0, 0, 0, now, ''
  end
  local bad = { low, medium, critical }
  bad[severity] = bad[severity] + calls
  if context == '' then
    context = before
  end
  redis.call('HSET', KEYS[3], field,
    string.format('%d %d %d %d %d ', bad[1], bad[2], bad[3], first, now) .. context)
end

local function book(name, error, severity, calls, sum, longest, context) -- error: a word of a small set
  local start = now - now % size
  local this, field = string.format('%d %d', start, size), start / size % WINDOWS .. '/' .. name
  local old = redis.call('HGET', KEYS[3], field) or ''
  local begun, n, total, most, failures, errors = string.match(old, '^(%d+ %d+) (%d+) (%d+) (%d+) (%d+) (%S*)$')
  if begun ~= this then
    for word in string.gmatch(errors or '', '[^,]+') do
      redis.call('HDEL', KEYS[3], field .. '/' .. word)
    end
    n, total, most, failures, errors = 0, 0, 0, 0, ''
  end
  if severity > 0 then
    failures = failures + calls
    fail(field .. '/' .. error, severity, calls, context)
    if not string.find(',' .. errors, ',' .. error .. ',', 1, true) then
      errors = errors .. error .. ','
    end
  end
  redis.call('HSET', KEYS[3], field, string.format('%s %d %d %d %d %s',
    this, n + calls, total + sum, math.max(most, longest), failures, errors))
end

local function tally(told, context) -- "endpoint error severity calls sum_ms longest_ms;" once for each that had calls
  for name, error, severity, calls, sum, longest in string.gmatch(told, '(%S+) (%S+) (%d) (%d+) (%d+) (%d+);') do
    count(name, tonumber(severity), calls, sum, longest)
    book(name, error, tonumber(severity), calls, sum, longest, context)
  end
end
