"""The events of a breaker; logs, metrics and rows of the database are made from these events."""

from dataclasses import dataclass

from resilience.circuit_breaker.types import Change
from resilience.shared_state.events import SharedStateBack, SharedStateLost


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A call of this process changed a state. `BreakerView.transitions` has the changes of the whole fleet."""

    service: str
    change: Change
    shared: bool
    """False: the state is that of this process alone, because Redis is gone."""


@dataclass(frozen=True, slots=True)
class KeyBlocked:
    """The service refused this API key: no call goes with it until a trial succeeds or an operator acts."""

    service: str
    fingerprint: str
    shared: bool


@dataclass(frozen=True, slots=True)
class SharedStateBegun:
    """This process restored the breaker in Redis, which had lost it or had an older state of it.

    Redis was new, had lost its data, or came back with an old snapshot.
    """

    service: str
    generation: int
    remembered: bool
    """Whether this process restored a state other than closed."""
    overrides: int
    """How many overrides were applied again."""


@dataclass(frozen=True, slots=True)
class OverridesUnreadable:
    """The operators' overrides could not be read, so the shared breaker was not restored."""

    service: str
    error: str


@dataclass(frozen=True, slots=True)
class SettingsDiffer:
    """Another client of this breaker has other settings."""

    service: str
    ours: str
    theirs: str


Event = (
    BreakerChanged
    | KeyBlocked
    | SharedStateLost
    | SharedStateBack
    | SharedStateBegun
    | OverridesUnreadable
    | SettingsDiffer
)
"""What a breaker passes to its `emit`."""
