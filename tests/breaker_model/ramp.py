"""The pace of held work by its rules: one, then two, then four, ...; from the least after each change of state."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Epochs = tuple[int, int]
"""Of the service and of the endpoint whose work is held."""
QUICK, LATE = 250, 2000
"""How many ms after it was let go an item is taken at once, or late."""


@dataclass
class Ramp:
    """Held items on their way, each with the end of its lease in ms, and how many may be."""

    size: int = 1
    epoch_fence: Epochs | None = None
    """For which the size was earned."""
    waiting: dict[str, int] = field(default_factory=dict)
    sending: dict[str, int] = field(default_factory=dict)
    halved_at: int = 0
    turn: str = ""
    """The account, one of several, that was let go last."""
    used_at: int = 0
    """When items were last let go and then at least half of it was under way."""
    fits: int = 0
    """How many were sent at once, the most since an item last waited for a worker; 0: none has waited."""

    def refresh(self, epochs: Epochs, now: int, lease: int, least: int) -> None:
        """Start again with other epochs, or if nobody took an item; one place fewer for each whose sender is gone.

        Forget what a clock that was set back has left.
        """
        if self.epoch_fence != epochs:
            self.epoch_fence, self.size, self.waiting, self.sending, self.fits = epochs, least, {}, {}, 0
        if min(self.waiting.values(), default=now + 1) <= now:
            self.size = least
        left = sum(ends <= now for ends in self.sending.values())
        if left:
            self.size = max(least, self.size - left)
        self.waiting, self.sending = (_in_force(places, now, lease) for places in (self.waiting, self.sending))

    def send(self, item: str, ends: int) -> bool:
        """Let a released item be sent; return whether it was released."""
        if self.waiting.pop(item, None) is None:
            return False
        self.sending[item] = ends
        return True

    def released_at(self, item: str, lease: int) -> int:
        """Return when an item was let go that nobody has taken; 0: it has no such place."""
        return self.waiting[item] - lease if item in self.waiting else 0

    @property
    def under_way(self) -> int:
        """Return how many items are under way."""
        return len(self.waiting) + len(self.sending)

    def release(self, items: Sequence[str], now: int, ends: int) -> None:
        """Let items go."""
        self.waiting |= dict.fromkeys(items, ends)
        if items and self.under_way >= self.size / 2:
            self.used_at = now

    def note_take(self, waited: int) -> None:
        """Count what is sent at once, if the item that is sent next has waited, or if more are sent than were known."""
        sent = len(self.sending) + 1
        if waited > QUICK or 0 < self.fits < sent:
            self.fits = sent

    @property
    def fitting(self) -> float:
        """Return the size up to which successes of calls make it grow: a quarter more than what fits."""
        return self.fits * 5 / 4 if self.fits else math.inf

    def grow(self, released_at: int, taken_at: int, most: float, now: int) -> None:
        """Grow by one for a success, if its item was taken at once, and half of the window was in use since then."""
        used = released_at <= self.used_at <= now
        if taken_at - released_at <= QUICK and used and self.size < most:
            self.size += 1

    def halve(self, released_at: int, least: int, now: int) -> None:
        """Halve, once for all that was let go before."""
        if not released_at <= self.halved_at <= now:
            self.halved_at, self.size = now, max(least, self.size // 2)

    def fields(self) -> dict[str, Any]:
        """Name what is kept as the hash does."""
        fence = "" if self.epoch_fence is None else "{},{}".format(*self.epoch_fence)
        return {
            "window": self.size, "halved": self.halved_at, "used": self.used_at, "fits": self.fits, "fence": fence,
            "turn": self.turn,
        }  # fmt: skip


def _in_force(places: dict[str, int], now: int, lease: int) -> dict[str, int]:
    if now < min(places.values(), default=now + 1) and max(places.values(), default=0) <= now + lease:
        return places
    return {item: ends for item, ends in places.items() if now < ends <= now + lease}
