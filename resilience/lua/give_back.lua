-- Report: a released item ended without a call (cancelled, or held again for its own reasons).
-- KEYS    as clock.lua
-- ARGV    16 item
-- Returns done, view | forgotten
-- Why     its place is free at once, not only when its lease ends.
if not born then
  return { 'forgotten' }
end
redis.call('ZREM', KEYS[4], ARGV[16])
redis.call('ZREM', KEYS[5], ARGV[16])
local answer = { 'done', view() }
save()
return answer
