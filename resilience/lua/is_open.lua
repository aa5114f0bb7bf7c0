-- Is the breaker open? For a caller that records without a permit.
-- ARGV    10 owner  11 '1': ask only about the service
-- Returns the state, then 0 | 1 | forgotten
-- Why     half-open lets one call through: the first caller takes the place. A record without a permit frees the place, and so does
--         the end of its lease.
local owner, alone = unpack(ARGV, 10)
if not generation then
  return { 'forgotten' }
end
expire_all()
local reason, _, probing
if alone == '1' then
  reason, _, probing = admit_to_scope(service, true)
else
  reason, _, probing = admit_to_all(true)
end
if reason == '' and probing then
  take_probes(owner)
end
return reply(reason == '' and 0 or 1)
