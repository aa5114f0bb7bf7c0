"""The port that Prometheus reads: in the worker that runs the periodic tasks, and in `booking serve`."""

from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from tasks.host.log import Logger

log = Logger("metrics")


def serve(collector: Collector, address: str) -> bool:
    """Serve `/metrics` at HOST:PORT in a thread until this process ends; return whether the port could be opened.

    The registry is our own: what libraries count is about this process, not about the fleet or the API.
    """
    registry = CollectorRegistry()
    registry.register(collector)
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
