-- Tell: begin the last five minutes anew.
-- Returns now
-- Why     an operator says that what was counted says nothing about what comes.
redis.call('DEL', COUNTS)
return now
