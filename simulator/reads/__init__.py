"""What only reads: lists, single bookings, event types."""
