"""A booking request: check it, normalise it, and decide whether it is the same as another one."""
