-- Fragment: the keys, the size of a window and the time. Each script that only counts begins with it.
-- ARGV    1 ms that one window lasts  2 now in ms, 0: Redis TIME; the script's own arguments follow from 3
local COUNTS, WINDOWS = unpack(KEYS)
local size, now = tonumber(ARGV[1]), tonumber(ARGV[2])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
