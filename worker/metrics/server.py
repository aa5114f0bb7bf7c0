"""The port that Prometheus reads, in the worker that runs the periodic tasks."""

from prometheus_client import CollectorRegistry, start_http_server

from tasks.dependencies import Dependencies
from tasks.log import Logger
from worker.metrics.collector import FleetCollector

log = Logger("metrics")


def serve(deps: Dependencies, address: str, port: int) -> bool:
    """Serve `/metrics` in a thread until this process ends; return whether it could: bookings go on without.

    The registry is our own: what libraries count of this process says nothing of the fleet.
    """
    registry = CollectorRegistry()
    registry.register(FleetCollector(deps))
    try:
        start_http_server(port, address, registry)
    except OSError as error:  # taken, most often: by a second worker of `maintenance` here
        log.warning("metrics_not_served", url=url(address, port), error=error.strerror or type(error).__name__)
        return False
    log.info("metrics", url=url(address, port))
    return True


def url(address: str, port: int) -> str:
    """Return where to read."""
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/metrics"
