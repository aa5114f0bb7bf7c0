"""Who takes part in the walks: clients of one breaker, keys, held items, the times that go by."""

from resilience.call_stats.buckets import BOUNDS
from resilience.circuit_breaker.settings import BreakerSettings, Limits
from resilience.circuit_breaker.types import CallOutcome

KEYS, CONFIGURATIONS = ("key-a", "key-b", "key-c", "key-d"), ("here", "there")
ACCOUNTS = {"key-a": "1", "key-b": "7", "key-c": "8", "key-d": "9"}
"""The account of each key, where a service has several."""
ITEMS = ("1", "2", "3", "4", "5", "6", "7", "8", "9")
JUMPS = (0, 1, 1, 7, 50, 149, 250, 300, 499, 999, 1500, 72_000, 300_000, -40, -600_000, -9_000_000)
_SMALL = {
    "window": 1.0, "open_for": 0.5, "open_max": 1.5, "permit_lease": 0.3, "rate_window": 1.2, "release_max": 0,
    "trial_every": 0.4, "count_window": 0.05,
}  # fmt: skip
CLIENTS: tuple[Limits, ...] = tuple(
    BreakerSettings(**{**_SMALL, "threshold": threshold, "open_growth": growth, "rate_limit": rate, **more}).limits  # type: ignore[arg-type]
    for threshold, growth, rate, more in (
        (3, 2.0, 40, {"rate_burst": 8}),
        (3, 2.0, 0, {"release_max": 5}),
        (1001, 1.0, 40, {"rate_burst": 8, "rate_window": 60.0}),
        (1000, 1.0, 40, {"rate_burst": 2, "release_max": 1}),
        (2, 1.5, 6, {"rate_burst": 3, "trial_every": 0.2, "release_max": 3}),
        (3, 2.0, 0, {"permit_lease": 9.0}),
    )
)  # fmt: skip
"""Clients of one breaker; most steps are the first one's."""
NO_LIMIT = 1
"""The client that has no limit of its own."""
PATIENT = 5
"""The client whose leases last long, so that an item may be taken late."""
TOOK = (0, *(round(1000 * bound) + more for bound in BOUNDS for more in (0, 1)))
"""Milliseconds that calls take: each bound of the buckets, and beyond it."""
OUTCOMES = tuple(CallOutcome)
GOOD, GONE, BAD = CallOutcome.SUCCESS, CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT
ERRORS = ("none", "timeout", "http_500", "throttled")
