-- Begin a reading: return the answer that is kept, or whether this process is the one that reads.
-- KEYS[1] (string): the answer. KEYS[2] (string): the lease of the process that reads.  ARGV: ms that the lease lasts.
-- Returns the answer | 1: read it, the lease is yours | 0: another process reads
local kept = redis.call('GET', KEYS[1])
if kept then
  return kept
end
return redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[1]) and 1 or 0
