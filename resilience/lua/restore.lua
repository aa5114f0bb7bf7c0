-- Tell: set the breaker up again, when Redis has forgotten it.
-- ARGV    6 JSON: epoch: up to which the caller knew the state, 0: it knew nothing   scopes: those that were not closed, each
--         with name ('' the service), state, ends (ms), opens   overrides: those in force, oldest first, as override.lua's
-- Returns the state, then done | ignored
-- Why     nobody may call between the empty state and the overrides. The first to notice restores; one who knew a later
--         state than the first did may correct what has not changed since.
local known = cjson.decode(ARGV[6])
if generation then
  local restored_epoch = tonumber(redis.call('HGET', BREAKER, 'seeded')) or 0
  if service.epoch ~= generation or known.epoch <= restored_epoch then
    return reply('ignored')
  end
else
  generation = math.max(known.epoch + 1, now)
  service.epoch, endpoint.epoch = generation, generation
  drop_legacy_shortcuts()
  put('born', generation)
  put('epoch', generation)
  redis.call('HSET', WINDOWS, 'run', server_run(), 'whole_from', now)
  append_event('', 'closed', 'closed', 'begun', 0, generation, 0) -- a record that ends with an outage must not show it for ever
end
put('seeded', known.epoch)

for _, seen in ipairs(known.scopes) do
  local scope = scope_named(seen.name)
  if scope.epoch == generation then
    move(scope, seen.state, seen.ends, seen.opens, 'restored')
  end
end
for _, given in ipairs(known.overrides) do
  apply_override(given)
end
return reply('done')
