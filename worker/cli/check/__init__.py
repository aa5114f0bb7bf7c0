"""`booking check`: everything that the worker needs, looked at once."""
