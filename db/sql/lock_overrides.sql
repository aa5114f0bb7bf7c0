-- Let one override be written at a time, against writers of any version: of two at once the later one must have the higher
-- number, or the fleet, which obeys the highest, would not obey the one that is in force. Reads go on; overrides are rare.
LOCK TABLE breaker_overrides IN SHARE ROW EXCLUSIVE MODE
