-- Ask, for a caller who then reports without a permit: is the breaker open?
-- ARGV    6 owner  7 '1': of the service alone
-- Returns view, then 0 | 1 | forgotten
-- Why     half-open lets one through: the first to ask takes the place; a report without a permit gives it back, or its lease.
local owner, alone = unpack(ARGV, 6)
if not born then
  return { 'forgotten' }
end
expire(service)
expire(endpoint)
local reason, _, probing
if alone == '1' then
  reason, _, probing = admit_to(service, true)
else
  reason, _, probing = admit_to_both(true)
end
if reason == '' and probing then
  take_places(owner)
end
return view(reason == '' and 0 or 1)
