"""How a migration goes beside workers and callers: its locks, what it builds while they go on, whom it waits for."""
