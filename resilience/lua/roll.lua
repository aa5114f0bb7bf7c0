-- Fragment: what time alone changes, and the settings that are not needed on the short way.
-- KEYS    none of its own
-- ARGV    8 settings, as text: "name=number ..." in the order of the names below
-- Returns nothing; leaves `roll` and the settings.
-- Why     no timer: the first to ask after the end of an OPEN finds it half-open.
local numbers = {}
for number in string.gmatch(ARGV[8], '=(%S+)') do
  numbers[#numbers + 1] = tonumber(number)
end
local threshold = numbers[1] -- failures that open
local span = numbers[2] -- ... when they fall within so many ms
local open_for, growth, open_max = numbers[3], numbers[4], numbers[5]
local lease_for = numbers[6] -- ms after which a permit or a release that nobody answers for lapses
local release_max = numbers[7]

local function roll(s)
  if s.ends == 0 or now < s.ends then
    return
  end
  if s.state == 'off' then
    move(s, 'closed', 0, 0, 'off_over')
  else
    move(s, 'half_open', 0, s.opens, 'open_over')
  end
end
