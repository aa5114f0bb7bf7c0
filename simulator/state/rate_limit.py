"""Limit calls the way Cal.com does: a window fixed from its first call, then a block (docs/calcom.md, Rate limits)."""

from __future__ import annotations

import math
from dataclasses import dataclass

UNLIMITED = 100_000  # what the headers say when no limit is set (seen on an unlimited key)


@dataclass
class _Window:
    ends: float
    calls: int = 0
    blocked_until: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """May the call go on, and what its X-RateLimit headers say (seconds until reset)."""

    allowed: bool
    limit: int
    remaining: int
    reset: float

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Give the three headers."""
        return [
            ("X-RateLimit-Limit-Default", str(self.limit)),
            ("X-RateLimit-Remaining-Default", str(self.remaining)),
            ("X-RateLimit-Reset-Default", f"{self.reset:.6g}"),
        ]


class RateLimit:
    """Count calls per tracker (a key, or an address without one)."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def count(self, tracker: str, *, limit: int, window: float, block: float, now: float) -> Verdict:
        """Count one call. A call while blocked does not prolong the block, but counts in the next window (seen)."""
        current = self._windows.get(tracker)
        if current is None or now >= current.ends:
            blocked_until = current.blocked_until if current else 0.0
            current = self._windows[tracker] = _Window(now + window, blocked_until=blocked_until)
        current.calls += 1
        limit = limit or UNLIMITED
        if now >= current.blocked_until and current.calls > limit:
            current.blocked_until = now + block
        if now < current.blocked_until:
            return Verdict(allowed=False, limit=limit, remaining=0, reset=_told(current.blocked_until - now, window))
        return Verdict(
            allowed=True, limit=limit, remaining=limit - current.calls, reset=_told(current.ends - now, window)
        )

    def clear(self) -> None:
        """Forget all windows and blocks."""
        self._windows.clear()


def _told(seconds: float, window: float) -> float:
    """Round up to a second of the minute, as Cal.com does; a window that stands for a minute has sixty as well."""
    second = window / 60
    return math.ceil(round(seconds / second, 6)) * second  # 59.999999999 of them are 60
