"""The bookings of one telephone call: asked for once, however often and however differently the agent repeats it."""
