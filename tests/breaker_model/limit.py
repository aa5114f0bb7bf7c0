"""The rate limit by its rules: our own, an even pace with a burst (GCRA), and what the service tells of its count.

Within a window of the service its count only sinks: the least that was heard is the newest. So what may go is that,
less what is in flight, less a twentieth for others. After a window that we used up, or in which others were seen, and
after a 429, one call goes first and hears what is left.
"""

import math
from dataclasses import dataclass, field, replace

from resilience.circuit_breaker.settings import Limits

MAX_THROTTLE = 3_600_000  # ms that a 429 may hold us
POLL_AFTER = 250  # ms after which an answer may have made room
SCOUT_TIMEOUT = 5_000  # ms for which the one call that goes first is waited for


@dataclass
class Window:
    """Our calls in one window of the service's count."""

    granted: int = 0
    answered: int = 0


@dataclass
class Limit:
    """What is known of both limits. Times in ms; `tat` in microseconds."""

    tat: int = 0
    """When the next call would be due at an even pace (GCRA's theoretical arrival time)."""
    throttled_until: int = 0
    throttled_at: int = 0
    """When the last 429 was reported."""
    refused: int = 0
    limit: int = 0
    remaining: int | None = None
    resets_at: int = 0
    number: int = 0
    this: Window = field(default_factory=Window)
    last: Window = field(default_factory=Window)
    carried_over: int = 0
    foreign: int = 0
    exhausted: bool = False
    scout: bool = False
    scout_at: int = 0
    longest: int = 0
    """The longest time until the window's end that was told of this limit."""

    def clamp(self, limits: Limits, now: int) -> None:
        """Believe nothing that only a clock that was set back can have brought about."""
        if limits.emission_interval:
            self.tat = min(self.tat, now * 1000 + limits.burst_tolerance + limits.emission_interval)
        self.throttled_until = min(self.throttled_until, now + MAX_THROTTLE)
        self.resets_at = min(self.resets_at, now + limits.rate_window + self._clock_tolerance(limits))

    def wait(self, limits: Limits, now: int) -> int:
        """Return the ms until the next call may go; 0: now."""
        if now < self.throttled_until:
            return self.throttled_until - now
        if now >= self.resets_at:
            self._next_window(limits, now)
        if self._one_goes_first and now - SCOUT_TIMEOUT < self.scout_at <= now:
            return POLL_AFTER
        if self.limit and self.reported_room <= 0:
            self.exhausted = True
            return min(POLL_AFTER, self.resets_at - now) if self._in_flight > 0 else self.resets_at - now
        ahead = self._backlog(now) - limits.burst_tolerance
        return math.ceil(ahead / 1000) if limits.emission_interval and ahead > 0 else 0

    def room(self, limits: Limits, now: int) -> float:
        """Return how many calls may go now, where one may."""
        own = math.inf
        if limits.emission_interval:
            own = (limits.burst_tolerance + limits.emission_interval - self._backlog(now)) // limits.emission_interval
        if not self.limit:
            return own
        return min(own, 1 if self._one_goes_first else self.reported_room)

    def left(self, limits: Limits, now: int) -> tuple[int, int]:
        """Return how many calls may go until the end of the service's window, which is the second; -1: no limit."""
        if now < self.throttled_until:
            return 0, max(self.throttled_until, self.resets_at)
        seen = replace(self, this=replace(self.this), last=replace(self.last))
        seen.wait(limits, now)
        turns, own = limits.emission_interval, math.inf
        if turns:
            paid = max(seen.tat, now * 1000)
            due = range(paid - limits.burst_tolerance, seen.resets_at * 1000, turns)  # a call each, at these moments
            own = len(due)
        left = max(0, min(own, seen.reported_room)) if seen.limit else own
        return -1 if left == math.inf else int(left), max(seen.resets_at, seen.throttled_until)

    def take(self, limits: Limits, now: int) -> None:
        """Let one call go."""
        if limits.emission_interval:
            self.tat = now * 1000 + self._backlog(now) + limits.emission_interval
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

    def apply_limit(self, limit: int, reset: int) -> None:
        """Take in how many calls a window allows, and how long it lasts at least."""
        self.longest = max(self.longest if limit == self.limit else 0, reset)
        self.limit = limit

    def apply_headers(self, number: int, at: int, headers: tuple[int, int, int], limits: Limits, now: int) -> None:
        """Apply the headers of a call granted at `at`: limit, calls remaining, ms until the window ends."""
        _, remaining, reset = headers
        resets_at = at + reset + self._reset_margin(limits)
        if self.remaining is None and number == self.number:
            if abs(resets_at - now) > self._clock_tolerance(limits):  # else this call has met the end of the old window
                self.remaining = remaining
            self.resets_at = resets_at
        elif abs(resets_at - self.resets_at) <= self._clock_tolerance(limits):
            self.remaining = remaining if self.remaining is None else min(self.remaining, remaining)
            self.resets_at = min(self.resets_at, resets_at)
        elif resets_at > self.resets_at:  # a later window than the one we believed in
            self.this, self.last, self.carried_over = Window(granted=self._in_flight), Window(), 0
            self.number, self.remaining, self.resets_at = self.number + 1, remaining, resets_at
        if self.remaining is not None:
            self.foreign = max(self.foreign, self.limit - self.remaining - self.this.granted - self.carried_over)

    def apply_429(self, at: int, asked: int, limits: Limits, now: int) -> None:
        """Apply a 429 to a call granted at `at`: nothing goes for as long as it asked; longer each time in a row."""
        if at >= self.throttled_until:
            self.refused += 1
        least = min(1000 * 2.0 ** (self.refused - 1), limits.rate_window)
        pause = int(min(max(asked, least), MAX_THROTTLE)) + self._reset_margin(limits)
        self.throttled_until = self.resets_at = max(self.throttled_until, at + pause)
        self.exhausted, self.remaining, self.throttled_at = True, 0, now

    def may_try_again(self, limits: Limits, now: int) -> bool:
        """Return whether one harmless call may find out if a 429 still counts that asked for longer."""
        return now < self.throttled_until and abs(now - self.throttled_at) >= limits.trial_every

    def end_throttle(self, limits: Limits, now: int) -> None:
        """End what a 429 asked for; one call goes first."""
        if now < self.throttled_until:
            self.throttled_until = self.refused = 0
            self._next_window(limits, now)

    def fields(self) -> dict[str, int]:
        """Name what is kept as the hash does."""
        return {
            "tat": self.tat, "throttled_until": self.throttled_until, "throttled_at": self.throttled_at,
            "refused": self.refused, "limit": self.limit,
            "remaining": -1 if self.remaining is None else self.remaining, "resets_at": self.resets_at,
            "window": self.number,
            "granted": self.this.granted, "answered": self.this.answered, "granted_before": self.last.granted,
            "answered_before": self.last.answered, "carried_over": self.carried_over, "foreign": self.foreign,
            "exhausted": int(self.exhausted), "scout": int(self.scout), "scout_at": self.scout_at,
            "longest": self.longest,
        }  # fmt: skip

    def _next_window(self, limits: Limits, now: int) -> None:
        self.scout = self.exhausted or self.foreign > 0
        self.exhausted, self.foreign = False, 0
        self.carried_over = self.this.granted - self.this.answered
        self.this, self.last = Window(), self.this
        self.number, self.remaining, self.resets_at = self.number + 1, None, now + limits.rate_window

    @property
    def _one_goes_first(self) -> bool:
        return self.scout and self.remaining is None and self.limit > 0

    @property
    def _in_flight(self) -> int:
        return self.this.granted - self.this.answered + self.last.granted - self.last.answered

    @property
    def reported_room(self) -> int:
        """Return how many calls the service's count leaves to us."""
        reserve = min(max(1, self.limit // 20), self.limit - 1)
        return (self.limit if self.remaining is None else self.remaining) - self._in_flight - reserve

    def _backlog(self, now: int) -> int:
        return max(0, self.tat - now * 1000)

    def _reset_margin(self, limits: Limits) -> int:
        return int(min(limits.rate_window / 200, self._length(limits) / 20))

    def _clock_tolerance(self, limits: Limits) -> int:
        return int(min(limits.rate_window / 40, self._length(limits) / 2))

    def _length(self, limits: Limits) -> int:
        """Return how long the service's window is, as far as is known."""
        return self.longest or limits.rate_window
