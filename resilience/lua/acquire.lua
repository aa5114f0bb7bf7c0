-- Acquire: return a permit for one call, or why it is denied.
-- ARGV    10 owner (new for each call)  11 '1': a booking that may be posted now, so it may be the probe  12 item: the released item
--         that is being sent, or ''  13 '1': a trial, the one call that a block lets through  14 ms when the attempt's first call was
--         permitted, 0: this one is it
-- Returns the state, then granted or the reason; ms to wait; probe (0, 1); ms when the item was released (0: it was not); number of
--         the window | forgotten
-- Why     key, service, endpoint and rate limit must all agree before any of them is changed. With one command for each, another
--         worker's probe could go between two commands.
local owner, probe_ok, item, trial, taken_at = unpack(ARGV, 10)
if not generation then
  return { 'forgotten' }
end
trial, taken_at = trial == '1', tonumber(taken_at)
expire_all()

if item ~= '' and does_what_is_unclear() and (service.state == 'half_open' or endpoint.state == 'half_open') then
  load_window() -- what was let go before this half-open window has no place in it
  beside_probe = let_go_at(item) > 0
end
local reason, wait, probing = admit(probe_ok == '1', trial)
if reason == '' then
  wait = trial and may_try_again(quota) and 0 or quota_wait(quota)
  reason = wait > 0 and 'throttled' or ''
end
local released_at = 0
if item ~= '' then
  released_at = let_go_at(item)
  redis.call('ZREM', RELEASED, item)
end

if reason == '' then
  reason = 'granted'
  quota_take(quota)
  if released_at > 0 then
    note_take(released_at, taken_at > 0 and taken_at or now)
    redis.call('ZADD', SENDING, now + setting.lease_for, item)
    if own then
      redis.call('HSET', SENDERS, item, ACCOUNT)
    end
  end
  if probing then
    take_probes(owner)
  end
  if own and own.state == 'closed' and not trial then
    note_caller(callers)
  end
  if trial then
    set_trial(trial_pause(trials), trials + 1)
  end
end
quota_save(quota)
return reply(reason, wait, reason == 'granted' and probing and 1 or 0, released_at, quota.window)
