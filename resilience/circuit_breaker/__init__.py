"""The circuit breaker that a fleet shares: acquire, call, record."""

from resilience.circuit_breaker.breaker import CalcomCircuitBreaker, CircuitBreaker

__all__ = ["CalcomCircuitBreaker", "CircuitBreaker"]
