"""Successes that may be told a little later, so that a call on a closed breaker costs one round trip and not two."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from resilience.permit import RateNews
from resilience.rate_limit import tighter


class Batch(NamedTuple):
    """What is told at once: counts, and the last word about the other side's rate limit."""

    told: str = ""
    ceiling: int = 0
    left: int = 0


NOTHING = Batch()


def line(endpoint: str, error: str, calls: int, total_ms: int, longest_ms: int) -> str:
    """Write one count as the scripts read it."""
    return f"{endpoint} {error} {calls} {total_ms} {longest_ms};"


class LateReports:
    """Gather successes of all threads of this process; bounded by the number of endpoints."""

    def __init__(self, *, clock: Callable[[], float], per_ms: int, scarce: int) -> None:
        self._clock = clock
        self._per = per_ms
        self._scarce = scarce
        """With so few calls left on the other side's count its word is not kept back."""
        self._lock = threading.Lock()
        self._calls: dict[str, tuple[int, int, int]] = {}
        self._quota: tuple[int, float] | None = None
        self._due: float | None = None

    def add(self, endpoint: str, elapsed_ms: int, serial: int, news: RateNews | None, *, due_in: float) -> bool:
        """Keep one success until it is `due_in` seconds old; True when it is the first one kept."""
        now = self._clock()
        with self._lock:
            calls, total, longest = self._calls.get(endpoint, (0, 0, 0))
            self._calls[endpoint] = (calls + 1, total + elapsed_ms, max(longest, elapsed_ms))
            first = self._due is None
            if self._due is None:
                self._due = now + due_in
            if news is not None:
                quota = (news.remaining + serial, (now + news.reset_after) * 1000)
                self._quota = quota if self._quota is None else tighter(*quota, self._quota, self._per)
                if news.remaining <= self._scarce:
                    self._due = now
        return first

    def take(self, *, only_due: bool = False) -> Batch:
        """Take everything that is here; with `only_due` nothing before the oldest is due."""
        due = self._due
        if due is None or (only_due and self._clock() < due):
            return NOTHING
        with self._lock:
            calls, self._calls = self._calls, {}
            quota, self._quota = self._quota, None
            self._due = None
        told = "".join(line(name, "none", *counted) for name, counted in calls.items())
        if quota is None:
            return Batch(told)
        return Batch(told, quota[0], max(0, round(quota[1] - self._clock() * 1000)))
