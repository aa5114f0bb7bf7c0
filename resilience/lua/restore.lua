-- Tell: set the breaker up again, when Redis has forgotten it, or has come back with an older state of it.
-- ARGV    6 JSON: generation, epoch: which breaker the caller knew, and up to which epoch, 0: it knew nothing   scopes: those
--         that were not closed, each with name ('' the service), state, epoch, ends (ms), opens   overrides: those in force,
--         oldest first, as override.lua's
-- Returns the state, then done | ignored
-- Why     nobody may call between the empty state and the overrides. The first to notice restores; one who knew a later
--         state than the first did may correct what has not changed since. Of a breaker that is still the same a scope
--         whose epoch is below the one that was known is what an old snapshot (RDB) has of it.
local known = cjson.decode(ARGV[6])
local same = generation and known.generation == generation
if generation and not same then
  local restored_epoch = tonumber(redis.call('HGET', BREAKER, 'seeded')) or 0
  if service.epoch ~= generation or known.epoch <= restored_epoch then
    return reply('ignored')
  end
elseif not generation then
  generation = math.max(known.epoch + 1, now)
  service.epoch, endpoint.epoch = generation, generation
  put('born', generation)
  put('epoch', generation)
  redis.call('HSET', WINDOWS, 'run', server_run(), 'whole_from', now)
  append_event('', 'closed', 'closed', 'begun', 0, generation, 0) -- a record that ends with an outage must not show it for ever
end
if not same then
  put('seeded', known.epoch)
end

for _, seen in ipairs(known.scopes) do
  local scope = scope_named(seen.name)
  if same and scope.epoch < seen.epoch or not same and scope.epoch == generation then
    scope.epoch = math.max(scope.epoch, seen.epoch)
    move(scope, seen.state, seen.ends, seen.opens, 'restored')
  end
end
for _, given in ipairs(known.overrides) do
  apply_override(given)
end
quota_save()
return reply((not same or #changes > 0) and 'done' or 'ignored')
