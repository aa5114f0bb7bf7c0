"""What each answer and each lookup proves of a change: pure functions."""
