"""What the worker gives to tasks: the alert sinks that it implements, and what its settings say of callbacks."""
