"""What each process of `booking serve` counts.

Each label has values of a closed set, so no request can make a series: a route is a template, never an address.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from worker.metrics.labels import OTHER, PREFIX

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)  # seconds
NOT_ANSWERED = "none"
_USUAL = ("2xx", "4xx", "5xx")


class Refusal(StrEnum):
    """Why a request was refused before its work."""

    WRONG_KEY = "wrong_key"  # no key in force, or a wrong signature or secret
    WRONG_KEYS = "wrong_keys"  # the same, of an address that has sent too many
    KEY_RATE = "key_rate"  # the rate of its key is used up


REGISTRY = CollectorRegistry()
_requests = Counter(f"{PREFIX}http_requests", "Requests that ended", ("route", "method", "status"), registry=REGISTRY)
_seconds = Histogram(
    f"{PREFIX}http_request_seconds",
    "Seconds that a request took, with what it waited for a booking",
    ("route",),
    buckets=BOUNDS,
    registry=REGISTRY,
)
_refused = Counter(f"{PREFIX}http_refused", "Requests refused before their work", ("why",), registry=REGISTRY)
waiting = Gauge(
    f"{PREFIX}http_waiting",
    "Requests that wait for a booking or a change to settle",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)


def begin(routes: Iterable[tuple[str, Collection[str]]]) -> None:
    """Begin all series of these routes (template, methods) at 0: what has not happened yet can be asked for."""
    for route, methods in routes:
        for method in methods:
            for status in _USUAL:
                _requests.labels(route, method, status)
        _seconds.labels(route)
    for why in Refusal:
        _refused.labels(why)


def ended(route: str | None, method: str, status: int | None, seconds: float) -> None:
    """Count a request; `route` None: no route has its address; `status` None: its caller was gone before."""
    template = OTHER if route is None else route
    _requests.labels(template, method, NOT_ANSWERED if status is None else f"{status // 100}xx").inc()
    _seconds.labels(template).observe(seconds)


def refused(why: Refusal) -> None:
    """Count a refusal."""
    _refused.labels(why).inc()
