"""API keys: what a caller of the HTTP API proves itself by, and what its key may do."""
