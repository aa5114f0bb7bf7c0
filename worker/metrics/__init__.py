"""`/metrics` for Prometheus: figures of the whole fleet, whichever process serves them (docs/observing.md)."""
