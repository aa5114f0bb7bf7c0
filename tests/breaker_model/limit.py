"""The rate limit by its rules: our own, an even pace with a burst, and what the service tells of its count.

Within a window of the service its count only sinks: the least that was heard is the newest. So what may go is that,
less what is in flight, less a twentieth for others. After a window that we used up, or in which others were seen, and
after a 429, one call goes first and hears what is left.
"""

import math
from dataclasses import dataclass, field

from resilience.circuit_breaker.settings import Limits

HOUR = 3_600_000  # ms that a 429 may shut us out
AGAIN = 250  # ms after which an answer may have made room
SCOUT = 5_000  # ms for which the one call that goes first is waited for


@dataclass
class Window:
    """Our calls in one window of the service's count."""

    granted: int = 0
    answered: int = 0


@dataclass
class Limit:
    """What is known of both limits. Times in ms; `arrival` in microseconds."""

    arrival: int = 0
    """When the next call would be due at an even pace (GCRA's theoretical arrival time)."""
    shut: int = 0
    refused: int = 0
    limit: int = 0
    left: int | None = None
    ends: int = 0
    number: int = 0
    this: Window = field(default_factory=Window)
    last: Window = field(default_factory=Window)
    carried: int = 0
    others: int = 0
    spent: bool = False
    scout: bool = False
    scout_at: int = 0

    def see(self, limits: Limits, now: int) -> None:
        """Believe nothing that only a clock that was set back can have brought about."""
        if limits.gap:
            self.arrival = min(self.arrival, now * 1000 + limits.depth + limits.gap)
        self.shut = min(self.shut, now + HOUR)
        self.ends = min(self.ends, now + limits.rate_window + _tolerance(limits))

    def wait(self, limits: Limits, now: int) -> int:
        """Return the ms until the next call may go; 0: now."""
        if now < self.shut:
            return self.shut - now
        if now >= self.ends:
            self._roll(limits, now)
        if self._one_goes_first and now - SCOUT < self.scout_at <= now:
            return AGAIN
        if self.limit and self._told_room <= 0:
            self.spent = True
            return min(AGAIN, self.ends - now) if self._in_flight > 0 else self.ends - now
        ahead = self._ahead(now) - limits.depth
        return math.ceil(ahead / 1000) if limits.gap and ahead > 0 else 0

    def room(self, limits: Limits, now: int) -> float:
        """Return how many calls may go now, where one may."""
        own = math.inf
        if limits.gap:
            own = (limits.depth + limits.gap - self._ahead(now)) // limits.gap
        if not self.limit:
            return own
        return min(own, 1 if self._one_goes_first else self._told_room)

    def take(self, limits: Limits, now: int) -> None:
        """Let one call go."""
        if limits.gap:
            self.arrival = now * 1000 + self._ahead(now) + limits.gap
        self.this.granted += 1
        if self._one_goes_first:
            self.scout_at = now

    def answered(self, number: int, at: int) -> None:
        """Take back a call of that window, granted at that moment."""
        if number == self.number:
            self.this.answered += 1
        elif number == self.number - 1:
            self.last.answered += 1
        if at == self.scout_at:
            self.scout_at = 0

    def told(self, number: int, at: int, told: tuple[int, int, int], limits: Limits, now: int) -> None:
        """Hear of the count: its limit, the calls left, the ms until it begins anew; by a call granted at `at`."""
        _, left, reset = told
        ends = at + reset + _edge(limits)
        if self.left is None and number == self.number:
            if abs(ends - now) > _tolerance(limits):  # else it is the old window, whose end this call has met
                self.left = left
            self.ends = ends
        elif abs(ends - self.ends) <= _tolerance(limits):
            self.left = left if self.left is None else min(self.left, left)
            self.ends = min(self.ends, ends)
        elif ends > self.ends:  # a later window than the one we believed in
            self.this, self.last, self.carried = Window(granted=self._in_flight), Window(), 0
            self.number, self.left, self.ends = self.number + 1, left, ends
        if self.left is not None:
            self.others = max(self.others, self.limit - self.left - self.this.granted - self.carried)

    def refuse(self, at: int, asked: int, limits: Limits) -> None:
        """Hear a 429, to a call granted at `at`: shut for what it asked for, and for longer each time in a row."""
        if at >= self.shut:
            self.refused += 1
        least = min(1000 * 2.0 ** (self.refused - 1), limits.rate_window)
        self.shut = self.ends = max(self.shut, at + int(min(max(asked, least), HOUR)) + _edge(limits))
        self.spent, self.left = True, 0

    def fields(self) -> dict[str, int]:
        """Name what is kept as the hash does."""
        return {
            "paid_until": self.arrival, "shut": self.shut, "refused": self.refused, "limit": self.limit,
            "left": -1 if self.left is None else self.left, "ends": self.ends, "window": self.number,
            "granted": self.this.granted, "answered": self.this.answered, "granted_before": self.last.granted,
            "answered_before": self.last.answered, "carried": self.carried, "others": self.others,
            "spent": int(self.spent), "scout": int(self.scout), "scout_at": self.scout_at,
        }  # fmt: skip

    def _roll(self, limits: Limits, now: int) -> None:
        self.scout = self.spent or self.others > 0
        self.spent, self.others = False, 0
        self.carried = self.this.granted - self.this.answered
        self.this, self.last = Window(), self.this
        self.number, self.left, self.ends = self.number + 1, None, now + limits.rate_window

    @property
    def _one_goes_first(self) -> bool:
        return self.scout and self.left is None and self.limit > 0

    @property
    def _in_flight(self) -> int:
        return self.this.granted - self.this.answered + self.last.granted - self.last.answered

    @property
    def _told_room(self) -> int:
        reserve = min(max(1, self.limit // 20), self.limit - 1)
        return (self.limit if self.left is None else self.left) - self._in_flight - reserve

    def _ahead(self, now: int) -> int:
        return max(0, self.arrival - now * 1000)


def _edge(limits: Limits) -> int:
    return limits.rate_window // 200


def _tolerance(limits: Limits) -> int:
    return limits.rate_window // 40
