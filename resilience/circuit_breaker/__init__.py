"""The circuit breaker that a fleet shares: ask, call, report."""

from resilience.circuit_breaker.breaker import CircuitBreaker

__all__ = ["CircuitBreaker"]
