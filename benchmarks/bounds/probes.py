"""How often eight processes probe a dead Cal.com, beside the open window, from Cal.com's own journal."""

from collections.abc import Iterator
from itertools import pairwise
from threading import Event

from environment import benchmark_environment, some, until

from worker import enqueue_bookings

OPEN, PROBES = 1.0, 16


def pairs() -> Iterator[dict[str, float]]:
    """Yield each pause between two probes: the first of them come after the trip, whose calls were together."""
    settings = {"circuit_breaker_half_open_timeout": OPEN, "circuit_breaker_threshold": 5}
    with benchmark_environment([4] * 8, latency=0.05, **settings) as ready:
        ready.calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable"})
        enqueue_bookings(some(0, 300))

        def begun() -> list[float]:
            times = sorted(float(call["t0"]) for call in ready.calcom.journal())
            return [later for earlier, later in pairwise(times) if later - earlier > OPEN / 2]

        until(lambda: len(begun()) > PROBES, within=120, pause=Event().wait)
        for earlier, later in pairwise(begun()[1:]):
            yield {"probes": (later - earlier) / OPEN}
