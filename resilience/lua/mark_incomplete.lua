-- Tell: calls were not counted here, because this server did not answer.
-- Returns now
-- Why     a window that lacks calls is a gap: no figure is better than a wrong one.
redis.call('HSET', WINDOWS, 'whole_from', now)
return now
