"""A booking that is asked for in the simulation, and the right to make one call for it."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Request:
    """A booking that is asked for; `settles_at`: its POST was answered 503, and may have booked until then."""

    number: int
    asked: float
    settles_at: float | None = None
    looks: int = 0
    posts: int = 0
    answered_at: int = 0
    """When the first lookup of this attempt was permitted that was answered, ms; 0: none was."""


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to make one call; epochs are those of the service and of the endpoint."""

    endpoint: str
    owner: str
    item: str
    epochs: tuple[int, int]
    window: int
    granted_at: int
    released_at: int
    """When its item was let go; 0: it has no place in the release window."""
    taken_at: int
    """When the first call of its attempt was permitted."""
