"""`booking retry`, `cancel`, `resolve` and `actions`: what operators do to bookings, and its record."""
