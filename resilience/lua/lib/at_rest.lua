-- Fragment: what is deleted when it is at rest. The breaker's scripts begin with it; while it is closed, acquire_closed.lua does it.
-- KEYS    the first one says whose they are: those of account 1's service stay
-- Why     of a hundred services, and of ten thousand accounts, Redis keeps what was used lately. A breaker that was forgotten begins
--         again, with the overrides in force (restore.lua).
local KEPT = 7200000 -- ms after its last write at which what belongs to one key, or to another service, is deleted

local function keep(...)
  if string.find(KEYS[1], '{c-', 1, true) == 1 then
    for _, key in ipairs({ ... }) do
      redis.call('PEXPIRE', key, KEPT)
    end
  end
end
