"""How bookings are found: those of a person, and those that a key has asked for."""
