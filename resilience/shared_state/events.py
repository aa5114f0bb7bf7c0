"""The events of Redis: it is gone, it is back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SharedStateLost:
    """Redis does not answer: from now on this process uses its own breaker."""

    service: str
    error: str
    lasting: bool
    """Whether Redis answers with an error until an operator acts: a missing permission, a Redis key of another type."""


@dataclass(frozen=True, slots=True)
class SharedStateBack:
    """Redis answers again: this process uses the shared breaker."""

    service: str
    gone_for: float


Emit = Callable[[Any], None]
"""Takes an event: a frozen dataclass of this module or of `circuit_breaker.events`."""


def say_nothing(_event: object) -> None:
    """Drop an event: there is no subscriber."""
