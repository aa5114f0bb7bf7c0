"""`booking check`: check everything that the worker needs."""
