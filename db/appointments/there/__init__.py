"""The state of our bookings at Cal.com, written into their rows as it is found out."""
