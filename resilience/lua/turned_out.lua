-- Turned out: what became of a call whose answer was not clear.
-- ARGV    10 '1': it was done, '0': it was not
-- KEYS    BREAKER: booked: how many of the last unclear calls, in a row, were done; it counts no further than six
-- Returns the state, then done | forgotten
-- Why     if calls are done and only their answers do not come, each half-open window with one probe is one item a window for as long
--         as that lasts.
if not generation then
  return { 'forgotten' }
end
done_unclear = ARGV[10] == '1' and math.min(done_unclear + 1, 6) or 0
put('booked', done_unclear)
return reply('done')
