"""A booking request: checked, normalised, and distinguished from others."""
