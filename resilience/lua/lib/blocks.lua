-- Fragment: what blocks every call in any state of the breaker: a refused API key, settings that lead to another server.
-- KEYS    BREAKER: blocked:KEY: since when this API key is refused   cleared: when blocks were last ended
--         wrong:CONFIGURATION: since when these settings lead to another server than the service
--         page:CONFIGURATION: the endpoint where another server answered, if the service has not answered there since
--         trial: when the next trial may go, the one call that a block lets through
--         HOME (account.lua) has these for the key of an account that is not alone, and trials: how many trials went since its block
-- Why     an answer of the service ends a block, not only an operator: one harmless call at a time is the trial. Of several accounts
--         each key has its own trials, 1, 2, 4 ... 60 times trial_every apart: a thousand refused keys are no flood.
local MOST = 60

local function trial_pause(before) -- ms from a trial to the next; before: how many trials went before
  return OWN and setting.trial_every * math.min(2 ^ math.max(0, before), MOST) or setting.trial_every
end

local function set_trial(pause, count)
  put('trial', now + pause, HOME)
  if OWN then
    put('trials', count, HOME)
  end
end

local function admit(probe_ok, trial) -- returns the same values as admit_to_scope
  local cause = blocked and 'credentials' or 'configuration'
  if not trial then
    if blocked or misconfigured then
      return cause, -1, false
    end
    return admit_to_all(probe_ok)
  end
  if now < next_trial_at and next_trial_at <= now + trial_pause(trials - 1) then -- beyond that a clock was set back
    return cause, next_trial_at - now, false
  end
  return admit_to_all(true)
end

local function end_blocks(...)
  redis.call('HDEL', BREAKER, ...)
  if HOME ~= BREAKER then
    redis.call('HDEL', HOME, ...)
  end
end

-- granted_at: when the call was granted. If that was before the last block ended, the call's refusal does not block again.
local function apply_block(outcome, trial, granted_at)
  if outcome == 'credentials' and (granted_at > unblocked_at or unblocked_at > now) then -- a later time: a clock was set back
    if OWN and not blocked then
      set_trial(trial_pause(0), 1)
    end
    blocked = now
    put('blocked:' .. KEY, now, HOME)
  elseif outcome == 'configuration' and trial then
    misconfigured = now
    put('wrong:' .. CONFIGURATION, now, HOME)
  elseif outcome == 'configuration' and not paged_endpoint then
    put('page:' .. CONFIGURATION, ENDPOINT, HOME)
  elseif outcome == 'success' and trial then -- the service answered, and accepted this key
    end_blocks('blocked:' .. KEY, 'wrong:' .. CONFIGURATION)
    blocked, misconfigured = false, false
    put('cleared', now, HOME)
    if OWN then
      put('trials', 0, HOME)
    end
  elseif outcome == 'success' and paged_endpoint == ENDPOINT then
    end_blocks('page:' .. CONFIGURATION)
  end
end
