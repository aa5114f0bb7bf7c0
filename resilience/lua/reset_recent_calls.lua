-- Reset: set the counts of the last five minutes to zero.
-- Returns now
-- Why     after a reset, or an outage, these counts are no evidence about the next calls.
redis.call('DEL', COUNTS)
return now
