"""Callbacks: what settles is sent to the callers of the HTTP API, signed, at least once and in order a booking."""
