"""`booking breaker`: how the circuit breaker stands, and an operator's orders to it."""
