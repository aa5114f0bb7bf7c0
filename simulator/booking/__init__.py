"""What changes bookings: POST /v2/bookings in the real server's order, and what is done to a booking later."""
