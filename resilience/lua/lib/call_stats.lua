-- Fragment: the calls of the last five minutes, second by second, for the failure detector; and the calls of each window, with the
-- failures by error type, which aggregation turns into rows.
-- KEYS    COUNTS (hash): "<second % SECONDS>/<endpoint>" -> "second calls sum_ms longest_ms low medium critical", the last
--         three count the failures by severity; "last/<endpoint>" -> ms of the endpoint's last failure
--         WINDOWS (hash): "<slot>/<endpoint>" -> "start size calls sum_ms longest_ms failures error,error..."; for each of
--         these errors "<slot>/<endpoint>/<error>" -> "low medium critical first last context"; "<slot>/<endpoint>/times" ->
--         "start size failed_ms" and the calls by length: "a3b12C1" is 3 calls in the first bucket of TIMES, 12 in the
--         second, and 1 failed call (a capital letter) in the third; the last bucket, m, has all longer calls;
--         "whole_from" -> ms: windows that began before may lack calls; "lacks/<slot>" -> start of a window that lacks
--         calls of a process that did not reach this server; "run" -> the server's run. Times in ms
-- Why     the breaker's script counts, so there is no extra round trip. A slot that is used again is overwritten: the memory is
--         constant, and a late aggregation still finds the minutes of a day.
local SECONDS, SLOTS = 300, 1440
local TIMES = { 50, 100, 250, 500, 1000, 1500, 2500, 5000, 10000, 20000, 30000, 40000 } -- the same as in call_stats/buckets.py

local function count_second(name, severity, calls, sum, longest) -- severity: 1 low, 2 medium, 3 critical, 0 successes
  local second = math.floor(now / 1000)
  local field = second % SECONDS .. '/' .. name
  local old = redis.call('HGET', COUNTS, field) or ''
  local since, n, total, max_ms, bad = string.match(old, '^(%d+) (%d+) (%d+) (%d+) (.*)$')
  if tonumber(since) ~= second then
    n, total, max_ms, bad = 0, 0, 0, '0 0 0'
  end
  if severity > 0 then
    local of = { string.match(bad, '(%d+) (%d+) (%d+)') }
    of[severity] = of[severity] + calls
    bad = table.concat(of, ' ')
    redis.call('HSET', COUNTS, 'last/' .. name, now)
  end
  redis.call('HSET', COUNTS, field, string.format('%d %d %d %d %s',
    second, n + calls, total + sum, math.max(max_ms, longest), bad))
end

local function add_failures(field, severity, calls, context)
  local old = redis.call('HGET', WINDOWS, field) or ''
  local low, medium, critical, first, before = string.match(old, '^(%d+) (%d+) (%d+) (%d+) %d+ (.*)$')
  if not first then
    low, medium, critical, first, before = 0, 0, 0, now, ''
  end
  local bad = { low, medium, critical }
  bad[severity] = bad[severity] + calls
  if context == '' then
    context = before
  end
  redis.call('HSET', WINDOWS, field,
    string.format('%d %d %d %d %d ', bad[1], bad[2], bad[3], first, now) .. context)
end

local function add_time(times, severity, calls, longest) -- all of these calls are in the bucket of `longest`
  local bucket = 1
  while TIMES[bucket] and longest - TIMES[bucket] > 0 do
    bucket = bucket + 1
  end
  local letter = string.char((severity > 0 and 64 or 96) + bucket)
  local counted = string.match(times, letter .. '(%d+)') or 0
  return string.gsub(times, letter .. '%d+', '') .. letter .. counted + calls
end

local function count_window(size, name, error, severity, calls, sum, longest, context) -- error: an error type
  local start = now - now % size
  local this, field = string.format('%d %d', start, size), start / size % SLOTS .. '/' .. name
  local old, old_times = unpack(redis.call('HMGET', WINDOWS, field, field .. '/times'))
  local begun, n, total, max_ms, failures, errors = string.match(old or '', '^(%d+ %d+) (%d+) (%d+) (%d+) (%d+) (%S*)$')
  local failed_ms, times = string.match(old_times or '', '^' .. this .. ' (%d+) (%w*)$')
  if begun ~= this then
    for word in string.gmatch(errors or '', '[^,]+') do
      redis.call('HDEL', WINDOWS, field .. '/' .. word)
    end
    n, total, max_ms, failures, errors = 0, 0, 0, 0, ''
  end
  failed_ms, times = failed_ms or 0, times or ''
  if severity > 0 then
    failed_ms = failed_ms + sum
    failures = failures + calls
    add_failures(field .. '/' .. error, severity, calls, context)
    if not string.find(',' .. errors, ',' .. error .. ',', 1, true) then
      errors = errors .. error .. ','
    end
  end
  redis.call('HSET', WINDOWS, field, string.format('%s %d %d %d %d %s',
    this, n + calls, total + sum, math.max(max_ms, longest), failures, errors),
    field .. '/times', string.format('%s %d %s', this, failed_ms, add_time(times, severity, calls, longest)))
end

local function count_calls(size, name, error, severity, calls, sum, longest, context)
  count_second(name, severity, calls, sum, longest)
  count_window(size, name, error, severity, calls, sum, longest, context)
end
