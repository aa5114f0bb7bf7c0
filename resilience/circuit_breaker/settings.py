"""What an operator may set of the breaker, and the same as the whole numbers its rules count with."""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

NEVER = 1000
"""A threshold above this never trips."""


class Limits(NamedTuple):
    """The numbers that the rules count with, by the names that the scripts know; times in milliseconds."""

    threshold: int
    span: int
    open_for: int
    growth: float
    open_max: int
    lease_for: int
    release_max: int
    emission_interval: int
    """Microseconds that one call costs of the rate limit, which is GCRA (lua/lib/quota.lua); 0: no limit of our own."""
    burst_tolerance: int
    """Microseconds by which calls may be ahead of an even pace."""
    rate_window: int
    trial_every: int
    size: int
    """Milliseconds that one window of our counts lasts."""

    @property
    def text(self) -> str:
        """Return what all clients of one breaker should agree on: the scripts read it, and people when it differs."""
        return json.dumps(self._asdict(), separators=(",", ":"))


@dataclass(frozen=True)
class BreakerSettings:
    """Set a breaker; times in seconds.

    Raises:
        ValueError: a value with which the breaker could not work; the message names it.
    """

    threshold: int = 5
    """Failures in a row that open; above 1,000: never."""
    window: float = 60.0
    """The first of them is no older than this."""
    open_for: float = 30.0
    open_growth: float = 1.0
    """Each OPEN in a row is longer by this factor; 1: always the same."""
    open_max: float = 600.0
    """No OPEN is longer, whatever growth and Retry-After say."""
    open_jitter: float = 0.0
    """Share of `open_for` by which OPEN is longer at random; 0: none."""
    permit_lease: float = 50.0
    """A permit that is not reported back lapses: the deadline of a call and a margin."""
    rate_limit: int = 100
    """Calls within any `rate_window`; 0: no limit of our own."""
    rate_window: float = 60.0
    rate_burst: int | None = None
    """Calls that may go at once after a quiet time, out of `rate_limit`; None: a twentieth of it."""
    release_max: int = 64
    """Held items in flight at once, at most."""
    trial_every: float = 60.0
    """While a key or a configuration is blocked, one call in this time finds out whether it still must be."""
    count_window: float = 60.0
    """Calls are counted in windows that last so long; see `call_windows`."""
    redis_retry: float = 1.0
    """While Redis is gone, one caller looks whether it is back once in this time."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        positive = (
            "threshold",
            "window",
            "open_for",
            "permit_lease",
            "rate_window",
            "release_max",
            "trial_every",
            "count_window",
            "redis_retry",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.open_growth < 1:
            raise ValueError(f"open_growth must be at least 1, not {self.open_growth}")
        if self.open_max < self.open_for:
            raise ValueError(f"open_max ({self.open_max}) must not be below open_for ({self.open_for})")
        if not 0 <= self.open_jitter <= 1:
            raise ValueError(f"open_jitter must be from 0 to 1, not {self.open_jitter}")
        if self.rate_limit < 0:
            raise ValueError(f"rate_limit must be 0 (none) or above, not {self.rate_limit}")
        if self.rate_burst is not None and not 1 <= self.rate_burst <= max(1, self.rate_limit):
            raise ValueError(f"rate_burst must be from 1 to rate_limit, not {self.rate_burst}")

    @cached_property
    def limits(self) -> Limits:
        """Return the rules their numbers.

        A call may go while those before it are at most `burst - 1` ahead of an even pace of `rate_limit - burst + 1` in
        `rate_window`; so in any such window no more than `rate_limit` go.
        """
        burst = self.rate_burst or max(1, self.rate_limit // 20)
        interval = math.ceil(_ms(self.rate_window) * 1000 / (self.rate_limit - burst + 1)) if self.rate_limit else 0
        return Limits(
            threshold=self.threshold,
            span=_ms(self.window),
            open_for=_ms(self.open_for),
            growth=self.open_growth,
            open_max=_ms(self.open_max),
            lease_for=_ms(self.permit_lease),
            release_max=self.release_max,
            emission_interval=interval,
            burst_tolerance=interval * (burst - 1),
            rate_window=_ms(self.rate_window),
            trial_every=_ms(self.trial_every),
            size=_ms(self.count_window),
        )


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
