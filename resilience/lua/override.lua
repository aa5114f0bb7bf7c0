-- Override: apply what an operator wants of the breaker.
-- ARGV    6 JSON: kind: open | off | auto | reset | block   number: its row's id, 0: none   by   why   ends: ms, 0: none
--         fingerprint: of the key that is blocked   action: the id of the action that asked for it, 0: none did
-- Returns the state, then done (also if it is the last one applied) | ignored | forgotten
-- Why     it acts at once on the whole fleet, and its event has who, why and the action.
local given = cjson.decode(ARGV[6])
if not generation then
  return { 'forgotten' }
end
expire_state(service)
expire_state(endpoint)
local done = apply_override(given)
quota_save()
return reply(done)
