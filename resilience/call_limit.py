"""How many calls a minute each caller may make of us, the same for all processes; without Redis, for this one.

A caller has as many calls as its minute has, at once if it likes, and they come back evenly.
"""

import math
import threading
import time
from collections.abc import Callable

from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client
from resilience.shared_state.state import SharedState

MINUTE = 60.0
RETRY_AFTER = 1.0  # seconds until Redis is tried again
MOST_LOCAL = 10_000  # callers that one process remembers while Redis is gone


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
        interval, at_once = MINUTE / per_minute, at_once or per_minute
        if self._shared is not None:
            fixed = (round(interval * 1_000_000), at_once)
            answer = self._shared.call("call_limit", (f"{{{self._service}}}:{caller}",), fixed)
            if answer is not None:
                return float(answer) / 1000
        return self._wait_locally(caller, interval, at_once)

    def _wait_locally(self, caller: str, interval: float, at_once: int) -> float:
        with self._lock:
            now = self._clock()
            tat = max(self._local.pop(caller, 0.0), now) + interval
            ahead = tat - now - interval * at_once
            is_over = ahead > interval * 1e-6  # sums of floats are never exact
            self._local[caller] = tat - interval if is_over else tat
            while len(self._local) > MOST_LOCAL:
                del self._local[next(iter(self._local))]  # the one that called least lately
        return math.ceil(ahead * 1000) / 1000 if is_over else 0.0
