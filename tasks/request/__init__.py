"""A booking request: checked, normalised, and told from another."""
