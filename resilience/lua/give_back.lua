-- Report: a released item ended without a call (cancelled, or held again for its own reasons).
-- ARGV    6 item
-- Returns view, then done | forgotten
-- Why     its place is free at once, not only when its lease ends.
if not born then
  return { 'forgotten' }
end
redis.call('ZREM', RELEASED, ARGV[6])
redis.call('ZREM', SENDING, ARGV[6])
return view('done')
