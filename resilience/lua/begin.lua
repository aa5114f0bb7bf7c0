-- Tell: begin again, when Redis has forgotten.
-- ARGV    6 the epoch up to which the teller knew the state, 0: it knew nothing  7 number of scopes it knows
--         then for each: name ('' the service), state, end in ms, times opened
--         then the orders in force, oldest first, each as order.lua takes them
-- Returns view, then done | ignored
-- Why     nobody may call between the empty state and the orders. The first to notice begins; one who knew a later state
--         than the first did may correct what has not changed since.
local seen = tonumber(ARGV[6])
if born then
  local seeded = tonumber(redis.call('HGET', BREAKER, 'seeded')) or 0
  if service.epoch ~= born or seen <= seeded then
    return view('ignored')
  end
else
  born = math.max(seen + 1, now)
  service.epoch, endpoint.epoch = born, born
  end_short_ways()
  put('born', born)
  put('epoch', born)
  redis.call('HSET', WINDOWS, 'run', server_run(), 'whole_from', now)
  tell('', 'closed', 'closed', 'begun', 0, born, 0) -- a record that ends with an outage must not show it for ever
end
put('seeded', seen)

local i = 8
for _ = 1, tonumber(ARGV[7]) do
  local name, state, ends, opens = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local s = scope_named(name)
  if s.epoch == born then
    move(s, state, ends, opens, 'restored')
  end
  i = i + 4
end
while i <= #ARGV do
  obey(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]), ARGV[i + 5])
  i = i + 6
end
return view('done')
