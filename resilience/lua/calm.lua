-- Fragment: the calm entries, the short way through a closed breaker; and the 429, which ends them too.
-- KEYS    1 rate (hash): "calm/endpoint/key/settings" -> "generation epoch endpoint's epoch"
-- ARGV    2 name of the calm entry
-- Returns nothing; leaves `calm_now`, `calm_over`, `rate_block` and the true `shut`.
-- Why     reading both scopes costs as much as a PING. An entry says: both closed, this key not blocked, no 429 in force,
--         these settings the known ones. Whoever changes any of that ends all entries in the same step.
local function calm_now(born, epoch, endpoint_epoch)
  redis.call('HSET', KEYS[1], ARGV[2], born .. ' ' .. epoch .. ' ' .. endpoint_epoch)
end

local function calm_over()
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.find(field, '^calm/') then
      redis.call('HDEL', KEYS[1], field)
    end
  end
end

shut = tonumber(redis.call('HGET', KEYS[1], 'shut')) or 0

local function rate_block(ms)
  shut = math.max(shut, now + ms)
  redis.call('HSET', KEYS[1], 'shut', shut)
  calm_over()
end
