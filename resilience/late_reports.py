"""Successes that may be told a little later, so that a call on a closed breaker costs one round trip and not two."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from resilience.error_types import ErrorType, Severity, error_type, severity_of
from resilience.permit import RateNews
from resilience.rate_limit import tighter


class Success(NamedTuple):
    """One call that went well."""

    endpoint: str
    elapsed: float
    serial: int
    news: RateNews | None


class Batch(NamedTuple):
    """What is told at once: counts, and the last word about the other side's rate limit."""

    told: str = ""
    ceiling: int = 0
    left: int = 0


NOTHING = Batch()


def line(endpoint: str, calls: int, total_ms: int, longest_ms: int, error: str = "none", severity: int = 0) -> str:
    """Write one count as the scripts read it; severity 0: they went well."""
    return f"{endpoint} {error} {severity} {calls} {total_ms} {longest_ms};"


def failure(reason: str, severity: Severity | None = None) -> tuple[ErrorType, int]:
    """Give what `line` takes of a failure."""
    error = error_type(reason)
    return error, severity or severity_of(error)


class LateReports:
    """Keep the successes of all threads of this process until they are due. A deque needs no lock."""

    def __init__(self, *, clock: Callable[[], float], due_in: float, slack: float, scarce: int) -> None:
        self._clock = clock
        self._due_in = due_in
        self._slack = slack
        self._scarce = scarce
        """With so few calls left on the other side's count its word is not kept back."""
        self._kept: deque[tuple[Success, float]] = deque()
        self._due: float | None = None

    def keep(self, success: Success) -> bool:
        """Keep one success; True when it is the first, so that somebody must see to it in time."""
        now = self._clock()
        self._kept.append((success, now))
        if success.news is not None and success.news.remaining <= self._scarce:
            first, self._due = self._due is None, now
            return first
        if self._due is None:
            self._due = now + self._due_in
            return True
        return False

    def take(self, *, only_due: bool = False) -> Batch:
        """Take everything that is here; with `only_due` nothing before the oldest is due."""
        if self._due is None or (only_due and self._clock() < self._due):
            return NOTHING
        self._due = None
        counts: dict[str, tuple[int, int, int]] = {}
        quota: tuple[int, float] | None = None
        for _ in range(len(self._kept)):
            try:
                success, at = self._kept.popleft()
            except IndexError:  # another thread takes too
                break
            ms = max(0, round(success.elapsed * 1000))
            calls, total, longest = counts.get(success.endpoint, (0, 0, 0))
            counts[success.endpoint] = (calls + 1, total + ms, max(longest, ms))
            if success.news is not None:
                said = (success.news.remaining + success.serial, (at + success.news.reset_after) * 1000)
                quota = said if quota is None else tighter(*said, quota, self._slack)
        if not counts:
            return NOTHING
        told = "".join(line(name, *counted) for name, counted in counts.items())
        if quota is None:
            return Batch(told)
        return Batch(told, quota[0], max(0, round(quota[1] - self._clock() * 1000)))
