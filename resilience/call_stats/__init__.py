"""What is counted of the calls of a service."""
