-- End a reading: keep its answer, and give the lease back.
-- KEYS as in reading_begin.lua.  ARGV: ms to keep the answer (0: there is none); the answer.
if tonumber(ARGV[1]) > 0 then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
end
redis.call('DEL', KEYS[2])
return 1
