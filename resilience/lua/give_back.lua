-- Give back: released items that ended without a call of their own (cancelled, held again for another reason, looked up only, or their
-- release was not received).
-- ARGV    10 release_max, 0: none  11 ms when a call of their attempt was permitted that was answered well, 0: none was  12.. the items
-- Returns the state, then done | forgotten
-- Why     the items' places become free now, not only when their leases end. A line of bookings that are only looked up is a line that
--         the workers serve: each of these counts as a success.
if not generation then
  return { 'forgotten' }
end
local most, answered_at = ceiling(ARGV[10]), tonumber(ARGV[11])
if answered_at > 0 then
  load_window()
end
for _, item in ipairs({ unpack(ARGV, 12) }) do
  local since = let_go_at(item)
  redis.call('ZREM', RELEASED, item)
  stop_sending(item)
  if since > 0 and answered_at - since > LATE then
    halve(since)
  elseif since > 0 and answered_at > 0 then
    grow(since, answered_at, most)
  end
end
return reply('done')
