"""While Redis is gone: say so once, and do not ask for a while."""

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
    """Hold since when Redis has not answered one process, and when it is looked for again; safe for threads."""

    def __init__(self, service: str, *, retry_after: float, clock: Callable[[], float], emit: Emit) -> None:
        self._service = service
        self.retry_after = retry_after
        self._clock = clock
        self._emit = emit
        self._lock = threading.Lock()
        self._next_look = 0.0
        self.since: float | None = None
        """By `clock`; None: it did the last time it was asked."""
        self.late = False
        """Whether the last answer has not come in time; a command that is sent from then on decides."""
        self.answers_in_time = 0
        self._late_answers = 0

    @property
    def seconds(self) -> float | None:
        """Return for how many seconds Redis has not answered; None: it did the last time it was asked."""
        since = self.since
        return None if since is None else self._clock() - since

    @property
    def answers(self) -> Answers:
        """Return the answers so far. What is looked for while Redis is gone is not late: that it is gone is known."""
        return Answers(self.answers_in_time, self._late_answers)

    def may_look(self) -> bool:
        """Let one caller at a time find out whether Redis is back."""
        with self._lock:
            now = self._clock()
            if now < self._next_look:
                return False
            self._next_look = now + self.retry_after
            return True

    def miss(self, error: Exception, *, late: bool) -> Late | None:
        """Record that a command was not answered; None: Redis is gone. `late`: as it was when the command was sent."""
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
            self._next_look = now + self.retry_after
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
    """Say whether the server has answered, and will do so until somebody acts: no permission, a wrong type."""
    passing = isinstance(error, _PASSING) or str(error).startswith(_PASSING_WORDS)
    return isinstance(error, ResponseError) and not passing
