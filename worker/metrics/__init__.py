"""`/metrics` for Prometheus: figures of the whole fleet, the same from each process (docs/observing.md)."""
