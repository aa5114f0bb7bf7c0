"""Every setting, and how its text is read."""
