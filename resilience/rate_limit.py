"""The rate limit in this process: `lua/rate.lua` once more, for the time in which Redis is gone."""

from dataclasses import dataclass

from resilience.breaker_settings import Limits


def tighter(ceiling: int, ends: float, than: tuple[int, float], per: int) -> tuple[int, float]:
    """Join two sayings of the other side's count, each a last grant and the ms at which counting begins anew.

    Of two sayings about one window the lower ceiling holds; a window that ends later replaces one before it. Resets are
    told in whole seconds and answers arrive late, hence the slack by which two windows count as one.
    """
    slack = per / 12
    if ends < than[1] - slack:
        return than
    if ends <= than[1] + slack:
        return min(ceiling, than[0]), max(ends, than[1])
    return ceiling, ends


@dataclass(slots=True)
class RateLimit:
    """Count calls; whole numbers only: a call costs `per`, a millisecond earns `refill`."""

    level: int | None = None
    level_at: int = 0
    shut: int = 0
    grants: int = 0
    quota: int = 0
    quota_ends: float = 0

    def filled(self, limits: Limits, now: int) -> int:
        """Give what the bucket holds now; a call needs `limits.per` of it."""
        full = limits.burst * limits.per
        if self.level is None:
            return full
        return min(full, self.level + max(0, now - self.level_at) * limits.refill)

    def wait(self, limits: Limits, now: int) -> float:
        """Give the ms until the next call may go; 0: now."""
        if now < self.shut:
            return self.shut - now
        if now < self.quota_ends and self.quota - self.grants <= limits.reserve:
            return self.quota_ends - now
        missing = limits.per - self.filled(limits, now)
        if limits.refill > 0 and missing > 0:
            return -(-missing // limits.refill)
        return 0

    def take(self, limits: Limits, now: int) -> None:
        """Let one call go."""
        self.level = max(0, self.filled(limits, now) - limits.per)
        self.level_at = now
        self.grants += 1

    def learn(self, limits: Limits, now: int, ceiling: int, left: float) -> None:
        """Hear that the other side's count is used up at grant `ceiling` and begins anew in `left` ms."""
        if left > 0:
            self.quota, self.quota_ends = tighter(ceiling, now + left, (self.quota, self.quota_ends), limits.per)

    def block(self, now: int, ms: int) -> None:
        """Send nothing for `ms`: the other side said 429."""
        self.shut = max(self.shut, now + ms)

    def room(self, limits: Limits, now: int, waiting: int) -> float:
        """Give how many more may be released when `waiting` released ones have not yet asked."""
        room = float("inf")
        if limits.refill > 0:
            room = self.filled(limits, now) // limits.per - waiting
        if now < self.quota_ends:
            room = min(room, self.quota - self.grants - limits.reserve - waiting)
        return room
