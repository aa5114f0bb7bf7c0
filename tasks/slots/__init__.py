"""The free times of an event type, for callers: read by the same key, permit and limit as bookings are made by."""
