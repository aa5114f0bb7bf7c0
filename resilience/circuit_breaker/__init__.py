"""The circuit breaker that a fleet shares: ask, call, report."""

from resilience.circuit_breaker.breaker import CalcomCircuitBreaker, CircuitBreaker

__all__ = ["CalcomCircuitBreaker", "CircuitBreaker"]
