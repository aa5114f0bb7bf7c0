"""How many calls a minute each caller may make of us, the same for all processes; without Redis, for this one.

A caller has as many calls as its minute has, at once if it likes, and they come back evenly.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client
from resilience.shared_state.state import SharedState

MINUTE = 60.0
RETRY_AFTER = 1.0  # seconds until Redis is tried again
MOST_LOCAL = 10_000  # callers that one process remembers while Redis is gone


class Allowance(NamedTuple):
    """Hold how many calls were counted and may go, and the seconds until the next one may come (0: all may go).

    `left` more may come at once after these.
    """

    calls: int
    wait: float
    left: int


class CallLimit:
    """Count the calls of callers; all threads of a process can share one object. No method raises an error of Redis."""

    def __init__(
        self,
        service: str,
        redis: Client | None,
        *,
        emit: Emit = say_nothing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._shared = (
            SharedState(service, redis, retry_after=RETRY_AFTER, clock=clock, emit=emit) if redis is not None else None
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._local: dict[str, float] = {}

    def wait(self, caller: str, per_minute: int, *, at_once: int | None = None) -> float:
        """Count one call, and return 0.0; or count nothing, and return the seconds until the next one may come.

        `at_once` calls may come at once after a quiet time; None: as many as a minute has.
        """
        return self.admit(caller, per_minute, 1, at_once=at_once).wait

    def admit(self, caller: str, per_minute: int, calls: int, *, at_once: int | None = None) -> Allowance:
        """Count so many of these calls as may come now; `at_once` as in `wait`."""
        interval, at_once = MINUTE / per_minute, at_once or per_minute
        if self._shared is not None:
            fixed = (round(interval * 1_000_000), at_once)
            answer = self._shared.call("call_limit", (f"{{{self._service}}}:{caller}",), fixed, (calls,))
            if answer is not None:
                return Allowance(int(answer[0]), float(answer[1]) / 1000, int(answer[2]))
        return self._admit_locally(caller, interval, calls, at_once)

    def _admit_locally(self, caller: str, interval: float, calls: int, at_once: int) -> Allowance:
        with self._lock:
            now = self._clock()
            tat = max(self._local.pop(caller, 0.0), now)
            room = (now - tat) / interval + at_once
            may_go = max(0, min(calls, math.floor(room + 1e-6)))  # sums of floats are never exact
            self._local[caller] = tat + interval * may_go
            while len(self._local) > MOST_LOCAL:
                del self._local[next(iter(self._local))]  # the one that called least lately
        wait = (may_go + 1 - room) * interval
        left = math.floor(room - may_go + 1e-6)
        return Allowance(may_go, 0.0 if may_go == calls else math.ceil(wait * 1000) / 1000, left)
