"""The work: bookings accepted, booked, held, released and swept."""
