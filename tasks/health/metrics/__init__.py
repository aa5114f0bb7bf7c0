"""What Prometheus reads, as metrics of prometheus_client: names, labels and units are those of docs/observing.md."""
