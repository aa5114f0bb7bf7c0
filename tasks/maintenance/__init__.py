"""The periodic tasks of the maintenance queue: they move on held and stranded bookings, count, and delete."""
