"""What the breaker says has happened; logs, metrics and audit rows subscribe."""

from dataclasses import dataclass

from resilience.circuit_breaker.types import Change
from resilience.shared_state.events import SharedStateBack, SharedStateLost


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A call by this process changed a state. The fleet's full list is `CircuitBreaker.transitions`."""

    service: str
    change: Change
    shared: bool
    """False: only in this process, for Redis is gone."""


@dataclass(frozen=True, slots=True)
class KeyBlocked:
    """Nothing more is sent with this API key until a reset."""

    service: str
    fingerprint: str
    shared: bool


@dataclass(frozen=True, slots=True)
class SharedStateBegun:
    """Redis knew nothing of this breaker, or less than this process, which restored it.

    It was new, had forgotten, or has come back with an old snapshot.
    """

    service: str
    generation: int
    remembered: bool
    """Whether this process could restore a state that was not closed."""
    orders: int


@dataclass(frozen=True, slots=True)
class OrdersUnreadable:
    """The operators' overrides could not be read, so the shared breaker was not restored."""

    service: str
    error: str


@dataclass(frozen=True, slots=True)
class SettingsDiffer:
    """Another client of this breaker works with other settings."""

    service: str
    ours: str
    theirs: str


Event = (
    BreakerChanged
    | KeyBlocked
    | SharedStateLost
    | SharedStateBack
    | SharedStateBegun
    | OrdersUnreadable
    | SettingsDiffer
)
"""What an `Emit` of a breaker is called with."""
