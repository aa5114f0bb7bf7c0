"""The HTTP API's own metrics: counted in each process, served by one of them for all (docs/observing.md)."""
