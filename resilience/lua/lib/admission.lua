-- Fragment: the pace of an account's messages, beside that of its calls. An account that is alone has none.
-- KEYS    OWN: admitted: us, the theoretical arrival time of its next message (GCRA, see quota.lua)
-- Why     what an account asks for beyond its limit must wait in the database, not in the broker before the messages of others.
--         Its messages have the pace of its limit, and at most 16 go at once, as long as no call or look takes from that.
local AT_ONCE, NO_LIMIT = 16, 1000 -- messages; us between two of them if the account has no limit of ours: 60,000 a minute
local message_interval = setting.emission_interval > 0 and setting.emission_interval or NO_LIMIT
local most_ahead = (AT_ONCE - 1) * message_interval
if setting.emission_interval > 0 then
  most_ahead = math.min(most_ahead, setting.burst_tolerance)
end

local function messages_ahead(admitted) -- us by which messages are ahead of an even pace; no clock that was set back counts
  return math.max(0, math.min((admitted or 0) - now * 1000, most_ahead + message_interval))
end

local function messages_left(ahead) -- how many messages may go now
  return math.floor((most_ahead + message_interval - ahead) / message_interval)
end

local function messages_wait(ahead) -- ms until a message may go
  return math.max(0, math.ceil((ahead - most_ahead) / 1000))
end
