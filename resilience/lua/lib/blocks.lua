-- Fragment: what blocks every call in any state of the breaker: a refused API key, settings that lead to another server.
-- KEYS    BREAKER: blocked:KEY: since when this API key is refused   cleared: when blocks were last ended
--         wrong:CONFIGURATION: since when these settings lead to another server than the service
--         page:CONFIGURATION: the endpoint where another server answered, if the service has not answered there since
--         trial: when the next trial may go, the one call that a block lets through
-- Why     an answer of the service ends a block, not only an operator: one harmless call at a time is the trial.
local function admit(probe_ok, trial) -- returns the same values as admit_to_scope
  local cause = blocked and 'credentials' or 'configuration'
  if not trial then
    if blocked or misconfigured then
      return cause, -1, false
    end
    return admit_to_both(probe_ok)
  end
  if now < next_trial_at and next_trial_at <= now + setting.trial_every then -- beyond that a clock was set back
    return cause, next_trial_at - now, false
  end
  return admit_to_both(true)
end

-- granted_at: when the call was granted. If that was before the last block ended, the call's refusal does not block again.
local function apply_block(outcome, trial, granted_at)
  if outcome == 'credentials' and (granted_at > unblocked_at or unblocked_at > now) then -- a later time: a clock was set back
    blocked = now
    put('blocked:' .. KEY, now)
  elseif outcome == 'configuration' and trial then
    misconfigured = now
    put('wrong:' .. CONFIGURATION, now)
  elseif outcome == 'configuration' and not paged_endpoint then
    put('page:' .. CONFIGURATION, ENDPOINT)
  elseif outcome == 'success' and trial then -- the service answered, and accepted this key
    redis.call('HDEL', BREAKER, 'blocked:' .. KEY, 'wrong:' .. CONFIGURATION)
    blocked, misconfigured = false, false
    put('cleared', now)
  elseif outcome == 'success' and paged_endpoint == ENDPOINT then
    redis.call('HDEL', BREAKER, 'page:' .. CONFIGURATION)
  end
end
