-- Tell: an operator's override.
-- ARGV    6 JSON: kind: open | off | auto | reset | block   number: its row's, 0: none   by   why   ends: ms, 0: none
--         fingerprint: of the key that is blocked   action: the id of what the operator asked for, 0: of nothing
-- Returns the state, then done (also when it was the last one applied) | ignored | forgotten
-- Why     at once and for the whole fleet, with an event that says who, why and for which action.
local given = cjson.decode(ARGV[6])
if not generation then
  return { 'forgotten' }
end
expire_state(service)
expire_state(endpoint)
local done = apply_override(given)
quota_save()
return reply(done)
