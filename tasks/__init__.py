"""The work on bookings: accept, book, hold, release, and take up what was lost."""
