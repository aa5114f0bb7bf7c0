"""Redis for the breaker and the counts: scripts, one connection for each thread, and no error when Redis is gone."""
