"""The rate limit in this process: `lua/rate.lua` once more, for the time in which Redis is gone."""

import math
from dataclasses import dataclass

from resilience.breaker_settings import Limits

MILLION = 1_000_000


def tighter(ceiling: int, ends: float, than: tuple[int, float], slack: float) -> tuple[int, float]:
    """Join two sayings of the other side's count, each a last grant and the ms at which counting begins anew.

    Of two sayings about one window the lower ceiling holds; a window that ends later replaces one before it. Resets are
    told in whole seconds and answers arrive late, hence the slack (ms) by which two windows count as one.
    """
    if ends < than[1] - slack:
        return than
    if ends <= than[1] + slack:
        return min(ceiling, than[0]), max(ends, than[1])
    return ceiling, ends


@dataclass(slots=True)
class RateLimit:
    """Count calls. One number says how far they are ahead of an even pace, in whole microseconds."""

    paid_until: int = 0
    grants: int = 0
    shut: int = 0
    cap: int = 0
    """The last grant that the other side's count leaves to us, and when (ms) that count begins anew."""
    cap_ends: int = 0
    ceiling: int = 0
    """The grant at which that count would be used up if nobody else called from now on."""
    first: int = 0
    """The first ceiling told in this window of the other side, and when."""
    first_at: int = 0
    pull: int = 0
    """Calls of others in 1,000,000 ms."""

    def ahead(self, now: int) -> int:
        """Give the microseconds by which the calls so far are ahead of an even pace."""
        return max(0, self.paid_until - now * 1000)

    def wait(self, limits: Limits, now: int) -> float:
        """Give the ms until the next call may go; 0: now."""
        if now < self.shut:
            return self.shut - now
        if now < self.cap_ends and self.cap - self.grants <= limits.reserve:
            return self.cap_ends - now
        too_far = self.ahead(now) - limits.depth
        return -(-too_far // 1000) if limits.gap > 0 and too_far > 0 else 0

    def take(self, limits: Limits, now: int) -> None:
        """Let one call go."""
        self.paid_until = now * 1000 + self.ahead(now) + limits.gap
        self.grants += 1

    def learn(self, limits: Limits, now: int, ceiling: int, left: int) -> None:
        """Hear that the other side's count is used up at grant `ceiling` and begins anew in `left` ms.

        A ceiling that sinks within a window says how fast others call with the same key; what they will need until its
        end is left to them.
        """
        ends = now + left
        if left <= 0 or ends < self.cap_ends - limits.slack:
            return
        if ends > self.cap_ends + limits.slack:
            self.pull = math.floor((self.first - self.ceiling) * MILLION / (12 * limits.slack))
            self.first, self.first_at = ceiling, now
        else:
            ceiling, ends = min(ceiling, self.ceiling), max(ends, self.cap_ends)
        since = now - self.first_at
        if since >= 3 * limits.slack:
            self.pull = (self.first - ceiling) * MILLION // since
        self.ceiling = ceiling
        self.cap, self.cap_ends = ceiling - -(-self.pull * (ends - now) // MILLION), ends

    def block(self, now: int, ms: int) -> None:
        """Send nothing for `ms`: the other side said 429."""
        self.shut = max(self.shut, now + ms)

    def room(self, limits: Limits, now: int, waiting: int) -> float:
        """Give how many more may be released when `waiting` released ones have not yet asked."""
        room = float("inf")
        if limits.gap > 0:
            room = (limits.depth + limits.gap - self.ahead(now)) // limits.gap - waiting
        if now < self.cap_ends:
            room = min(room, self.cap - self.grants - limits.reserve - waiting)
        return room
