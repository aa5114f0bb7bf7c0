"""The periodic tasks of the maintenance queue: they move held and stranded bookings on, count, and delete."""
