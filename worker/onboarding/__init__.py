"""Many clients at once: read from a file, brought in one after the other, and their agents' tools written down."""
