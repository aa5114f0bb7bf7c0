-- Restore: set up the breaker again after Redis has lost it, or came back with an older state of it.
-- ARGV    10 JSON: generation: that of the breaker as the caller knew it   epoch: the newest that the caller knew, 0: no
--         epoch   scopes: those that were not closed, each with name ('' the service), state, epoch, ends (ms), opens   overrides:
--         those in force, oldest first, as override.lua's
-- Returns the state, then done | ignored
-- Why     no call may go between the empty state and the overrides. The first process that notices the loss restores the breaker; a
--         process that knew a later state may correct the scopes that have not changed since. If the breaker is still the same, a
--         scope with a lower epoch than the known one comes from an old snapshot (RDB).
local known = cjson.decode(ARGV[10])
local same = generation and known.generation == generation
if generation and not same then
  local restored_epoch = tonumber(redis.call('HGET', BREAKER, 'seeded')) or 0
  if service.epoch ~= generation or known.epoch <= restored_epoch then
    return reply('ignored')
  end
elseif not generation then
  generation = math.max(known.epoch + 1, now)
  service.epoch, endpoint.epoch = generation, generation
  if own and own.epoch == 0 then
    own.epoch = generation
  end
  put('born', generation)
  put('epoch', generation)
  redis.call('HSET', WINDOWS, 'run', server_run(), 'whole_from', now)
  append_event('', 'closed', 'closed', 'begun', 0, generation, 0) -- otherwise the record of an outage would never end
end
if not same then
  put('seeded', known.epoch)
end

for _, was in ipairs(known.scopes) do
  local scope = scope_named(BREAKER, was.name)
  if same and scope.epoch < was.epoch or not same and scope.epoch == generation then
    scope.epoch = math.max(scope.epoch, was.epoch)
    move(scope, was.state, was.ends, was.opens, 'restored')
  end
end
for _, given in ipairs(known.overrides) do
  apply_override(given)
end
quota_save(quota)
return reply((not same or #changes > 0) and 'done' or 'ignored')
