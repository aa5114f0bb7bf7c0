"""Turns of threads, in the order in which they came.

A semaphore of Python's lets the thread that gives a turn back take it again at once. Of 200 threads that share ten
connections some would wait until their time is over.
"""

import threading
from collections import deque
from typing import Any


class Turns:
    """Let so many threads work at once; each turn that is given back goes to the thread that has waited longest."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[Any] = deque()  # locks; a thread waits for each
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Return how many threads wait."""
        return len(self._waiting)

    def take(self, seconds: float | None) -> bool:
        """Wait for a turn, at most `seconds`; return whether it has come."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            waiting = threading.Lock()
            waiting.acquire()
            self._waiting.append(waiting)
        try:
            return waiting.acquire(timeout=-1 if seconds is None else seconds) or self._has_come(waiting)
        except BaseException:  # an interrupt: nobody else may lose the turn
            if self._has_come(waiting):
                self.give()
            raise

    def _has_come(self, waiting: Any) -> bool:
        """Return whether the turn has come after all; else wait for it no more."""
        with self._lock:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
                return False
            return True

    def give(self) -> None:
        """Give a turn back, to the thread that waits longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
