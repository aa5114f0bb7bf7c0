"""The pace of held work by its rules: one, then two, then four, ...; from the least after each change of state."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Epochs = tuple[int, int]
"""Of the service and of the endpoint whose work is held."""
QUICK, LATE = 250, 2000
"""How many ms after it was let go an item is taken at once, or late."""
SLOW = 3000
"""An item is overtaken by another one's call that began so many ms later and is a success already."""


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
    senders: dict[str, str] = field(default_factory=dict)
    """The accounts of the items that are being sent, if there are several accounts."""
    answered_at: int = 0
    """The latest permit of an item, one of several accounts', whose call was a success."""
    fits: int = 0
    """How many were sent at once, the most since an item last waited for a worker; 0: none has waited."""

    def refresh(self, epochs: Epochs, now: int, lease: int, least: int) -> None:
        """Start again with other epochs, or if nobody took an item; one place fewer for each whose sender is gone.

        Forget what a clock that was set back has left.
        """
        if self.epoch_fence != epochs:
            self.epoch_fence, self.size, self.waiting, self.sending, self.fits = epochs, least, {}, {}, 0
            self.senders = {}
        if min(self.waiting.values(), default=now + 1) <= now:
            self.size = least
        left = sum(ends <= now for ends in self.sending.values())
        if left:
            self.size = max(least, self.size - left)
        self.waiting, self.sending = (_in_force(places, now, lease) for places in (self.waiting, self.sending))
        self.senders = {item: account for item, account in self.senders.items() if item in self.sending}

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

    def end(self, item: str) -> bool:
        """Free the place of an item that is being sent; return whether it had one."""
        self.senders.pop(item, None)
        return self.sending.pop(item, None) is not None

    def note_answer(self, granted_at: int, now: int) -> None:
        """Remember the latest call that was a success."""
        if granted_at > self.answered_at or self.answered_at > now:
            self.answered_at = granted_at

    def counted_for(self, account: str, now: int, lease: int) -> int:
        """Return how many items count for an account: not those of others that were overtaken."""
        ends = self.answered_at - SLOW + lease if 0 < self.answered_at <= now else 0
        slow = [self.senders.get(item, account) for item, end in self.sending.items() if end <= ends]
        return self.under_way - sum(sender != account for sender in slow)

    def may_scout(self, account: str, now: int, lease: int) -> bool:
        """Return whether one more may go to see whether it is others alone that are slow."""
        senders = [self.senders.get(item) for item in self.sending]
        stuck = min(self.sending.values(), default=math.inf) <= now - SLOW + lease
        return stuck and any(senders) and account not in senders

    def release(self, items: Sequence[str], account: str, now: int, lease: int) -> None:
        """Let items of an account go."""
        self.waiting |= dict.fromkeys(items, now + lease)
        if items and self.counted_for(account, now, lease) >= self.size / 2:
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
            "turn": self.turn, "answered": self.answered_at,
        }  # fmt: skip


def _in_force(places: dict[str, int], now: int, lease: int) -> dict[str, int]:
    if now < min(places.values(), default=now + 1) and max(places.values(), default=0) <= now + lease:
        return places
    return {item: ends for item, ends in places.items() if now < ends <= now + lease}
