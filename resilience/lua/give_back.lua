-- Report: a released item ended without a call (cancelled, or held again for its own reasons).
-- KEYS    as clock.lua
-- ARGV    10 item
-- Returns done, view | forgotten
-- Why     its place is free at once, not only when its lease ends.
if not born then
  return { 'forgotten' }
end
redis.call('ZREM', KEYS[5], ARGV[10])
redis.call('ZREM', KEYS[6], ARGV[10])
local answer = { 'done', view() }
save()
return answer
