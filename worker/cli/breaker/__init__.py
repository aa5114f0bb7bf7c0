"""`booking breaker`: the circuit breaker's state, and an operator's orders to it."""
