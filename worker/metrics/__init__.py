"""`/metrics` for Prometheus: everything in it is the whole fleet's, whichever process serves it."""
