-- Fragment: the calm entries, the short way through a closed breaker.
-- KEYS    1 rate (hash): "calm/endpoint/key/settings" -> "generation epoch endpoint's epoch"
-- ARGV    2 name of the calm entry
-- Returns nothing; leaves `calm_now` and `calm_over`.
-- Why     reading both scopes costs as much as a PING. An entry says: both closed, this key not blocked, these settings the
--         known ones. Whoever changes any of that ends all entries in the same step.
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
