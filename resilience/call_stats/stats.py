"""Count the calls of a service: figures of the last minutes, and windows for the database.

A guarded call is counted by the breaker's record script. For other calls (a database's statements) a failure is written
at once, and a success after a second: a worker that is killed loses that second of figures, never a state.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

from booking_client.redaction import bounded_context
from resilience.call_stats.buckets import BOUNDS
from resilience.call_stats.counts import CallCounts, Figures, endpoints, figures
from resilience.call_stats.windows import WITHOUT_ENDPOINT, Window, closed_windows
from resilience.error_types import Severity, error_type, severity_of
from resilience.shared_state.answers import pairs
from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client, stats_keys
from resilience.shared_state.state import SharedState

FLUSH_INTERVAL = 1.0  # seconds from one write of successes to the next


class CallStats:
    """Count the calls of one service for the whole fleet; while Redis is gone, count this process's calls.

    `window` is in seconds. All threads of a process can share one object. No method raises an error of Redis.
    """

    def __init__(
        self,
        service: str,
        *,
        redis: Client | None = None,
        shared: SharedState | None = None,
        window: float = 60.0,
        emit: Emit = say_nothing,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.service = service
        if redis is not None:
            shared = SharedState(service, redis, retry_after=FLUSH_INTERVAL, clock=clock, emit=emit)
        self._shared = shared
        self._keys = stats_keys(service)
        self._size = round(window * 1000)
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._own = CallCounts()
        # By endpoint and bucket (windows count by buckets): how many calls, the sum of their ms, the ms of the longest.
        self._unwritten: dict[tuple[str, int], tuple[int, int, int]] = {}
        self._flushed_at = clock()
        self._lacks_since: float | None = None  # since when the shared windows lack calls that were counted here

    def count_success(self, endpoint: str | None = None, *, elapsed: float = 0.0) -> None:
        """Count a successful call; `elapsed` in seconds. `flush_if_due` writes it."""
        ms = max(0, round(elapsed * 1000))
        at = endpoint or WITHOUT_ENDPOINT, bisect_left(BOUNDS, ms / 1000)
        with self._lock:
            calls, total, longest = self._unwritten.get(at, (0, 0, 0))
            self._unwritten[at] = (calls + 1, total + ms, max(longest, ms))

    def flush_if_due(self, *, now: float | None = None) -> None:
        """Write the unwritten successes if a second has passed since the last write: one round trip a second."""
        if self._clock() - self._flushed_at >= FLUSH_INTERVAL:
            self.flush(now=now)

    def flush(self, *, now: float | None = None) -> None:
        """Write the unwritten successes now."""
        with self._lock:
            unwritten, self._unwritten, self._flushed_at = self._unwritten, {}, self._clock()
        if unwritten:
            lines = "".join(f"{name} none 0 {' '.join(map(str, sums))};" for (name, _), sums in unwritten.items())
            if self._call("count_calls", lines, "", now=now) is None:
                for (name, _), (calls, total, longest) in unwritten.items():
                    self.count_local(name, 0, calls=calls, total=total, longest=longest, now=now)

    def count_failure(
        self,
        reason: str,
        endpoint: str | None = None,
        *,
        severity: Severity | None = None,
        elapsed: float = 0.0,
        context: Mapping[str, Any] | None = None,
        now: float | None = None,
    ) -> None:
        """Count a failure at once. `now` is for tests, in seconds."""
        name, ms, error = endpoint or WITHOUT_ENDPOINT, max(0, round(elapsed * 1000)), error_type(reason)
        bad = severity or severity_of(error)
        answer = self._call("count_calls", f"{name} {error} {int(bad)} 1 {ms} {ms};", bounded_context(context), now=now)
        if answer is None:
            self.count_local(name, bad, total=ms, longest=ms, now=now)

    def count_local(
        self, name: str, severity: int, *, calls: int = 1, total: int = 0, longest: int = 0, now: float | None = None
    ) -> None:
        """Count in this process alone while Redis is gone; the windows then lack these calls. Times are in ms."""
        with self._lock:
            self._own.count(name, severity, calls, total, longest, self._now(now))
            if self._shared is not None and self._lacks_since is None:
                self._lacks_since = self._clock() - FLUSH_INTERVAL  # a success may have waited for so long

    def recent_calls(self, endpoint: str | None = None, *, now: float | None = None) -> Figures:
        """Return the figures of the last minutes, of one endpoint or of all; without Redis, those of this process."""
        at, fields = self._recent(now)
        return figures(fields, at, endpoint)

    def recent_by_endpoint(self, *, now: float | None = None) -> dict[str | None, Figures]:
        """Return the figures of each endpoint that was called; the key None has the figures of all together."""
        at, fields = self._recent(now)
        return {name: figures(fields, at, name) for name in (None, *endpoints(fields))}

    def reset_recent_calls(self) -> None:
        """Set the figures of the last minutes to zero; the windows stay."""
        self.flush()
        with self._lock:
            self._own.fields.clear()
        self._call("reset_recent_calls")

    def closed_windows(
        self, written: float = 0.0, *, known_until: float | None = None, now: float | None = None
    ) -> list[Window]:
        """Return the fleet's windows that are over; delete those that ended by `written` (seconds).

        A window that may lack calls says so; where nothing was counted since `known_until`, it has none at all.
        """
        self.flush(now=now)
        answer = self._call("closed_windows", round(written * 1000), now=now)
        if answer is None:
            return []
        at, fields = answer
        seen = None if known_until is None else round(known_until * 1000)
        return list(closed_windows(pairs(fields), at, size=self._size, known_until=seen))

    def mark_incomplete(self) -> None:
        """Mark the windows that lack the calls of this process, and no others; called when Redis has answered."""
        since = self._lacks_since
        if since is not None and self._shared is not None:
            self._lacks_since = None
            ago = max(0, round(1000 * (self._clock() - since)))
            if self._shared.call("mark_incomplete", self._keys, (self._size, 0), (ago,)) is None:
                self._lacks_since = since

    def _recent(self, now: float | None) -> tuple[int, dict[str, str]]:
        self.flush(now=now)
        answer = self._call("recent_calls", now=now)
        if answer is not None:
            return answer[0], pairs(answer[1])
        with self._lock:
            return self._now(now), dict(self._own.fields)

    def _call(self, name: str, *own: str | float, now: float | None = None) -> Any:
        if self._shared is None:
            return None
        at = 0 if now is None else round(now * 1000)
        answer = self._shared.call(name, self._keys, (self._size,), (at, *own))
        if answer is not None:
            self.mark_incomplete()
        return answer

    def _now(self, now: float | None) -> int:
        return round((self._wall() if now is None else now) * 1000)
