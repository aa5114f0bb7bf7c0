"""Redis, as the breaker and the counts use it: scripts, a connection a thread, and silence when it is gone."""
