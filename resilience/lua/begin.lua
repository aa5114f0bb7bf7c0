-- Tell: begin again, when Redis has forgotten.
-- KEYS    as clock.lua
-- ARGV    11 the epoch up to which the teller knew the state, 0: it knew nothing  12 number of scopes it knows
--         then for each: name ('' the service), state, end in ms, times opened
--         then the orders in force, oldest first, each as order.lua takes them
-- Returns done | ignored, view
-- Why     nobody may call between the empty state and the orders. The first to notice begins; one who knew a later state
--         than the first did may correct it, as long as nothing has happened since.
local seen = tonumber(ARGV[11])
if born then
  local seeded = tonumber(redis.call('HGET', KEYS[4], 'seeded')) or 0
  if service.epoch ~= born or seen <= seeded then
    local answer = { 'ignored', view() }
    save()
    return answer
  end
else
  born = math.max(seen + 1, now)
  service.epoch, endpoint.epoch = born, born
  calm_over()
  put('born', born)
  put('epoch', born)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  redis.call('HSET', KEYS[3], 'run', run, 'whole_from', now)
end
put('seeded', seen)

local i = 13
for _ = 1, tonumber(ARGV[12]) do
  local name, state, ends, opens = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  move(stored(name), state, ends, opens, 'restored')
  i = i + 4
end
while i <= #ARGV do
  obey(ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]), ARGV[i + 5])
  i = i + 6
end

local answer = { 'done', view() }
save()
return answer
