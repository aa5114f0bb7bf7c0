"""Everything that one simulator remembers."""
