"""The breaker of one process, for the time in which Redis is gone."""
