-- Fragment: what lets no call go, whatever the breaker says: a key that is refused, settings that lead to something else.
-- KEYS    BREAKER: blocked:KEY: since when this API key is refused   cleared: when such blocks were last lifted
--         wrong:CONFIGURATION: since when these settings lead to something else than the service
--         page:CONFIGURATION: the endpoint where something else answered, and the service has not since
--         trial: when the next call may go that a block lets through
-- Why     such a block ends by what the service answers, not only by an operator: one harmless call at a time finds out.
local function admit(probe_ok, trial) -- as admit_to_scope
  local cause = blocked and 'credentials' or 'configuration'
  if not trial then
    if blocked or misconfigured then
      return cause, -1, false
    end
    return admit_to_both(probe_ok)
  end
  if now < next_trial_at and next_trial_at <= now + setting.trial_every then -- later only by a clock that was set back
    return cause, next_trial_at - now, false
  end
  return admit_to_both(true)
end

-- granted_at: of the call; a block that was lifted since is not set again by a refusal that was on its way
local function apply_block(outcome, trial, granted_at)
  if outcome == 'credentials' and (granted_at > unblocked_at or unblocked_at > now) then -- later: a clock was set back
    blocked = now
    put('blocked:' .. KEY, now)
  elseif outcome == 'configuration' and trial then
    misconfigured = now
    put('wrong:' .. CONFIGURATION, now)
  elseif outcome == 'configuration' and not paged_endpoint then
    put('page:' .. CONFIGURATION, ENDPOINT)
  elseif outcome == 'success' and trial then -- the service takes this key, and it is the service
    redis.call('HDEL', BREAKER, 'blocked:' .. KEY, 'wrong:' .. CONFIGURATION)
    blocked, misconfigured = false, false
    put('cleared', now)
  elseif outcome == 'success' and paged_endpoint == ENDPOINT then
    redis.call('HDEL', BREAKER, 'page:' .. CONFIGURATION)
  end
end
