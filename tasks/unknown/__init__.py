"""A booking whose outcome is unknown: what is asked, what it proves, how it ends."""
