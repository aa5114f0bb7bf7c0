-- Fragment: what must be done for as long as workers of 977511c may run beside ours.
-- KEYS    RATE: "calm/..." entries: while they stand, such a worker passes by without reading the breaker
-- Why     whatever shuts the breaker must end them; nobody else writes them, so this file may go with those workers.
local function drop_legacy_shortcuts()
  for _, field in ipairs(redis.call('HKEYS', RATE)) do
    if string.find(field, '^calm/') then
      redis.call('HDEL', RATE, field)
    end
  end
end
