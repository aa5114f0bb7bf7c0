-- Report: a released item ended without a call (cancelled, or held again for its own reasons).
-- KEYS    as clock.lua
-- ARGV    11 item
-- Returns done, view | forgotten
-- Why     its place is free at once, not only when its lease ends.
if not born then
  return { 'forgotten' }
end
redis.call('ZREM', KEYS[6], ARGV[11])
redis.call('ZREM', KEYS[7], ARGV[11])
local answer = { 'done', view() }
save()
return answer
