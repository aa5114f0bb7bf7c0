"""Know whether Redis is gone: report its absence once, and try Redis again only after a while."""

import threading
from collections.abc import Callable

from redis.exceptions import BusyLoadingError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from resilience.shared_state.answers import LATE, Answers, Late
from resilience.shared_state.events import Emit, SharedStateBack, SharedStateLost

_PASSING = (BusyLoadingError, ReadOnlyError)
_PASSING_WORDS = (
    "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN", "UNBLOCKED",
)  # fmt: skip


class Absence:
    """Remember since when Redis has not answered this process, and when to try it again; safe for threads."""

    def __init__(self, service: str, *, retry_after: float, clock: Callable[[], float], emit: Emit) -> None:
        self._service = service
        self.retry_after = retry_after
        self._clock = clock
        self._emit = emit
        self._lock = threading.Lock()
        self._next_try = 0.0
        self.since: float | None = None
        """The begin of the absence, by `clock`; None: Redis answered the last command."""
        self.late = False
        """Whether the last answer was late; then the next command decides whether Redis is gone."""
        self.answers_in_time = 0
        self._late_answers = 0

    @property
    def seconds(self) -> float | None:
        """Return for how many seconds Redis has not answered; None: it answered the last command."""
        since = self.since
        return None if since is None else self._clock() - since

    @property
    def answers(self) -> Answers:
        """Return the answers so far; a command that is sent while Redis is known to be gone does not count as late."""
        return Answers(self.answers_in_time, self._late_answers)

    def may_try(self) -> bool:
        """Return whether this caller may try Redis: one caller in `retry_after`."""
        with self._lock:
            now = self._clock()
            if now < self._next_try:
                return False
            self._next_try = now + self.retry_after
            return True

    def miss(self, error: Exception, *, late: bool) -> Late | None:
        """Record that a command got no answer; None: Redis is gone. `late`: the `self.late` at the time of sending."""
        timed_out = isinstance(error, RedisTimeoutError | TimeoutError)
        if timed_out and self.since is None:
            self._late_answers += 1
        if timed_out and not late and self.since is None:
            self.late = True
            return LATE
        self._begin(error)
        return None

    def _begin(self, error: Exception) -> None:
        with self._lock:
            now = self._clock()
            self._next_try = now + self.retry_after
            first = self.since is None
            if first:
                self.since = now
        if first:
            self._emit(SharedStateLost(self._service, f"{type(error).__name__}: {error}"[:200], _lasts(error)))

    def end(self) -> None:
        """Record that Redis answers again."""
        with self._lock:
            since, self.since, self.late = self.since, None, False
        if since is not None:
            self._emit(SharedStateBack(self._service, self._clock() - since))


def _lasts(error: Exception) -> bool:
    """Return whether the error lasts until an operator acts: a missing permission, a Redis key of another type."""
    passing = isinstance(error, _PASSING) or str(error).startswith(_PASSING_WORDS)
    return isinstance(error, ResponseError) and not passing
