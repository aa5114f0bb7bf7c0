"""The circuit breaker that a fleet shares: acquire, call, record."""
