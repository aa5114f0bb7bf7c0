"""The settings of a breaker, and the whole numbers that its rules use."""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

NEVER = 1000
"""A threshold above this never opens the breaker."""
PROCESS_MAX = 64
"""The `process_max` of a breaker whose release window has no ceiling."""


class EvenPace(NamedTuple):
    """The pace of one limit (GCRA, lua/lib/quota.lua); times are in microseconds."""

    emission_interval: int
    """Between two calls at an even pace; 0: no limit of our own."""
    burst_tolerance: int
    """By which calls may be ahead of the even pace."""


class Limits(NamedTuple):
    """The numbers of the rules, by the names that the scripts use; times are in milliseconds."""

    threshold: int
    span: int
    open_for: int
    growth: float
    open_max: int
    lease_for: int
    release_max: int
    """The ceiling of the release window; 0: none."""
    emission_interval: int
    """Microseconds between two calls at an even pace (GCRA, lua/lib/quota.lua); 0: no limit of our own."""
    burst_tolerance: int
    """The microseconds by which calls may be ahead of the even pace."""
    rate_window: int
    trial_every: int
    size: int
    """Length of one window of our counts."""

    @property
    def process_max(self) -> int:
        """Return the most calls in flight, or items released in a second, of a process without Redis and a limit."""
        return self.release_max or PROCESS_MAX

    @property
    def text(self) -> str:
        """Return the numbers as JSON: scripts read it, and it is logged when two clients have different settings.

        It has the limit of the settings, never an account's: with a text of its own each account would be a client with
        different settings. `release_max` is written for workers of before, which have no window without a ceiling; the
        scripts of this release get it as an argument.
        """
        return json.dumps({**self._asdict(), "release_max": self.process_max}, separators=(",", ":"))


@dataclass(frozen=True)
class BreakerSettings:
    """Configure a breaker; times are in seconds.

    Raises:
        ValueError: the breaker cannot work with a value; the message names it.
    """

    threshold: int = 5
    """How many failures in a row open the breaker; above 1,000: it never opens."""
    window: float = 60.0
    """The breaker opens only if the first of these failures is at most this old."""
    open_for: float = 30.0
    open_growth: float = 1.0
    """Factor by which each OPEN in a row is longer; 1: all are equal."""
    open_max: float = 600.0
    """The longest OPEN, whatever growth and Retry-After are."""
    open_jitter: float = 0.0
    """The longest random addition to an OPEN, as a share of `open_for`; 0: no addition."""
    permit_lease: float = 50.0
    """A permit without a record ends after this time, which is the deadline of a call plus a margin."""
    rate_limit: int = 100
    """The most calls in any `rate_window`; 0: no limit of our own."""
    rate_window: float = 60.0
    rate_burst: int | None = None
    """How many of these calls may go at once after a quiet time; None: a twentieth of `rate_limit`."""
    release_max: int = 0
    """The most held items that may be in flight at once; 0: as many as the workers take at once."""
    trial_every: float = 60.0
    """While a key or a configuration is blocked, one trial call may go in this time; its success ends the block."""
    count_window: float = 60.0
    """Length of the windows in which calls are counted."""
    redis_retry: float = 1.0
    """While Redis is gone, one caller tries to reach it once in this time."""

    def __post_init__(self) -> None:
        """Refuse values that cannot work."""
        positive = (
            "threshold",
            "window",
            "open_for",
            "permit_lease",
            "rate_window",
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
        if self.release_max < 0:
            raise ValueError(f"release_max must be 0 (none) or above, not {self.release_max}")
        if self.rate_limit < 0:
            raise ValueError(f"rate_limit must be 0 (none) or above, not {self.rate_limit}")
        if self.rate_burst is not None and not 1 <= self.rate_burst <= max(1, self.rate_limit):
            raise ValueError(f"rate_burst must be from 1 to rate_limit, not {self.rate_burst}")

    @cached_property
    def limits(self) -> Limits:
        """Return the numbers of the rules."""
        pace = self.pace()
        return Limits(
            threshold=self.threshold,
            span=_ms(self.window),
            open_for=_ms(self.open_for),
            growth=self.open_growth,
            open_max=_ms(self.open_max),
            lease_for=_ms(self.permit_lease),
            release_max=self.release_max,
            emission_interval=pace.emission_interval,
            burst_tolerance=pace.burst_tolerance,
            rate_window=_ms(self.rate_window),
            trial_every=_ms(self.trial_every),
            size=_ms(self.count_window),
        )

    def pace(self, rate_limit: int | None = None) -> EvenPace:
        """Return the pace of a limit, of `rate_limit` calls in `rate_window`; None: of the limit of these settings.

        The even pace is `rate_limit - burst + 1` calls in `rate_window`, and calls may be `burst - 1` ahead of it. So
        no window has more than `rate_limit` calls.
        """
        limit = self.rate_limit if rate_limit is None else rate_limit
        burst = (self.rate_burst if rate_limit is None else None) or max(1, limit // 20)
        interval = math.ceil(_ms(self.rate_window) * 1000 / (limit - burst + 1)) if limit else 0
        return EvenPace(interval, interval * (burst - 1))


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
