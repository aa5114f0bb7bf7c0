"""A booking request: check it, normalise it, and tell whether it is the same as another one."""
