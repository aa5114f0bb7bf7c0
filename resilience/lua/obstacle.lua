-- Fragment: what stands in the way of a call.
-- KEYS    none of its own
-- ARGV    none of its own
-- Returns nothing; leaves `obstacle`.
-- Why     a permit and a release must give the same answer to the same question.
local BUSY = 1000 -- ms after which to ask again, when the one place is taken

-- reason ('' : none), ms to wait (-1: until somebody acts), whether the call would be a probe
local function obstacle(probe_ok)
  if known[4] then
    return 'credentials', -1, false
  end
  local probing = false
  for _, s in ipairs({ service, endpoint }) do
    if service.state == 'off' then
      break
    end
    if s.state == 'open' or s.state == 'forced_open' then
      if s.ends == 0 then
        return 'breaker_open', -1, false
      end
      return 'breaker_open', s.ends - now, false
    end
    if s.state == 'half_open' then
      if not probe_ok or now < s.lease then
        return 'breaker_open', BUSY, false
      end
      probing = true
    end
  end
  local wait = rate_wait()
  if wait > 0 then
    return 'throttled', wait, false
  end
  return '', 0, probing
end
