-- Override: apply an operator's override.
-- ARGV    10 JSON: kind: open | off | auto | reset | block   number: the id of its row, 0: no row   by   why   ends: ms, 0: none
--         fingerprint: that of the blocked key   action: the id of the action that asked for it, 0: no action did
-- Returns the state, then done (also if it is the override that was applied last) | ignored | forgotten
-- Why     an override acts at once on the whole fleet, and its event has who, why and the action.
local given = cjson.decode(ARGV[10])
if not generation then
  return { 'forgotten' }
end
expire_all()
local done = apply_override(given)
quota_save(quota)
return reply(done)
