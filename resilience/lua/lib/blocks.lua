-- Fragment: what lets no call go, whatever the breaker says: a key that is refused, settings that lead to something else.
-- KEYS    BREAKER: blocked:KEY: since when this API key is refused   cleared: when such blocks were last lifted
--         wrong:CONFIGURATION: since when these settings lead to something else than the service
--         page:CONFIGURATION: the endpoint where something else answered, and the service has not since
--         trial: when the next call may go that a block lets through
-- Why     such a block ends by what the service answers, not only by an operator: one harmless call at a time finds out.
local function admit(probe_ok, trying) -- as admit_to
  local cause = blocked and 'credentials' or 'configuration'
  if not trying then
    if blocked or wrong then
      return cause, -1, false
    end
    return admit_to_both(probe_ok)
  end
  local next_trial = math.min(trial, now + setting.trial_every) -- later than that only by a clock that was set back
  if now < next_trial then
    return cause, next_trial - now, false
  end
  return admit_to_both(true)
end

-- granted_at: of the call; a block that was lifted since is not put up again by what was on its way
local function apply_block(outcome, trying, granted_at)
  if outcome == 'credentials' and (granted_at > cleared or cleared > now) then -- later than now: a clock was set back
    blocked = now
    put('blocked:' .. KEY, now)
    end_short_ways()
  elseif outcome == 'configuration' and trying then
    wrong = now
    put('wrong:' .. CONFIGURATION, now)
  elseif outcome == 'configuration' and not page then
    put('page:' .. CONFIGURATION, ENDPOINT)
  elseif outcome == 'success' and trying then -- the service takes this key, and it is the service
    redis.call('HDEL', BREAKER, 'blocked:' .. KEY, 'wrong:' .. CONFIGURATION)
    blocked, wrong = false, false
    put('cleared', now)
  elseif outcome == 'success' and page == ENDPOINT then
    redis.call('HDEL', BREAKER, 'page:' .. CONFIGURATION)
  end
end
