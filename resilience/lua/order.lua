-- Tell: an operator's order.
-- ARGV    6 open | off | auto | reset | block  7 its number, 0: none  8 by  9 why  10 end in ms, 0: none  11 fingerprint
-- Returns view, then done (also when it was the last one obeyed) | ignored | forgotten
-- Why     at once and for the whole fleet, with an event that says who and why.
local kind, number, by, why, ends, key = unpack(ARGV, 6)
if not born then
  return { 'forgotten' }
end
expire(service)
expire(endpoint)
return view(obey(kind, tonumber(number), by, why, tonumber(ends), key))
