-- Report: a released item ended without a call (cancelled, or held again for its own reasons).
-- ARGV    6 item
-- Returns the state, then done | forgotten
-- Why     its place is free at once, not only when its lease ends.
local item = ARGV[6]
if not generation then
  return { 'forgotten' }
end
redis.call('ZREM', RELEASED, item)
redis.call('ZREM', SENDING, item)
return reply('done')
