"""The port that Prometheus reads, in the worker that runs the periodic tasks."""

from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, start_http_server

from tasks.dependencies import Dependencies
from tasks.host.log import Logger
from worker.metrics.collector import FleetCollector

log = Logger("metrics")


def serve(deps: Dependencies, address: str) -> bool:
    """Serve `/metrics` at HOST:PORT in a thread until this process ends; return whether the port could be opened.

    The registry is our own: what libraries count is about this process, not about the fleet.
    """
    registry = CollectorRegistry()
    registry.register(FleetCollector(deps))
    where = urlsplit(f"//{address}")
    try:
        start_http_server(where.port or 0, where.hostname or "", registry)
    except OSError as error:  # taken, most often: by a second worker of `maintenance` here
        log.warning("metrics_not_served", url=url(address), error=error.strerror or type(error).__name__)
        return False
    log.info("metrics", url=url(address))
    return True


def url(address: str) -> str:
    """Return the URL of the metrics."""
    return f"http://{address}/metrics"
