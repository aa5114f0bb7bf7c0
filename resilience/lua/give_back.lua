-- Give back: released items that ended without a call (cancelled, held again for another reason, or their release was not received).
-- ARGV    10.. the items
-- Returns the state, then done | forgotten
-- Why     the items' places become free now, not only when their leases end.
if not generation then
  return { 'forgotten' }
end
for _, item in ipairs({ unpack(ARGV, 10) }) do
  redis.call('ZREM', RELEASED, item)
  redis.call('ZREM', SENDING, item)
end
return reply('done')
