"""Who takes part in the breaker's model: clients, keys, held items, the times that may go by, what is told late."""

from dataclasses import dataclass
from typing import Any

from resilience.breaker_settings import BreakerSettings, Limits
from resilience.permit import OrderKind

START = 1_800_000_000_000
SERVICE = "model"
ENDPOINTS = ("create", "list")
KEYS = ("key-a", "key-b")
ITEMS = ("1", "2", "3", "4", "5", "6")
SMALL = {
    "window": 1.0,
    "open_for": 0.5,
    "open_max": 1.5,
    "permit_lease": 0.3,
    "rate_window": 1.2,
    "release_max": 3,
    "count_window": 0.05,
}
CLIENTS: tuple[Limits, ...] = tuple(
    BreakerSettings(threshold=threshold, open_growth=growth, rate_limit=rate, rate_burst=burst, **SMALL).limits
    for threshold, growth, rate, burst in (
        (3, 2.0, 40, 8),
        (3, 2.0, 40, 8),
        (3, 2.0, 0, None),
        (1001, 1.0, 40, 8),
        (1000, 1.0, 40, 2),
        (2, 1.5, 6, 3),
    )
)  # fmt: skip
"""Clients of one breaker; most steps are the first one's."""
JUMPS = (0, 1, 1, 7, 50, 149, 299, 300, 301, 499, 500, 501, 999, 1000, 1001, 1500, 9_999, 72_000, 300_000)
ORDERS = tuple(OrderKind)
LATE = (
    "",
    "{} timeout 2 1 40 40;",
    "{} none 0 3 90 60;create none 0 1 5 5;",
    "",
    "{0} timeout 3 1 40 40;{0} throttled 1 2 7 4;",
    "list none 0 2 5 5;",
)


def words(answer: Any) -> Any:
    """Decode what Redis answers, at any depth."""
    if isinstance(answer, list):
        return [words(part) for part in answer]
    return answer.decode() if isinstance(answer, bytes) else answer


@dataclass
class Known:
    """A permit as the model keeps it."""

    endpoint: str
    owner: str
    item: str
    service_epoch: int
    endpoint_epoch: int
    serial: int
    quiet: bool = False
    """Neither a probe nor of an item: a success may be told the short way."""
