-- Mark all windows until now as incomplete: this server did not answer, so calls were not counted here.
-- Returns now
-- Why     an incomplete window is left out: a missing figure is better than a wrong one.
redis.call('HSET', WINDOWS, 'whole_from', now)
return now
