"""What is said of Redis: that it is gone, and that it is back; whoever emits more says so beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SharedStateLost:
    """Redis does not answer: from now on this process keeps its own breaker."""

    service: str
    error: str
    lasting: bool
    """Redis has answered, and will answer so until somebody acts: no permission, a key of another type."""


@dataclass(frozen=True, slots=True)
class SharedStateBack:
    """Redis answers again; what it says counts."""

    service: str
    gone_for: float


Emit = Callable[[Any], None]
"""Takes an event: a frozen dataclass of this module or of `circuit_breaker.events`."""


def say_nothing(_event: object) -> None:
    """Drop an event: nobody has subscribed."""
