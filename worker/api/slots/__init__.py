"""The resource `slots`: the free times of an event type."""
