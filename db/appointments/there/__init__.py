"""What Cal.com has of our bookings, as it comes to light, written into their rows."""
