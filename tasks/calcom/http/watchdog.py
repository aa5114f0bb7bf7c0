"""Cut calls off at their deadline: one thread a process, for the time-outs that `requests` does not have.

A server that drips one byte of its headers or body every few seconds never runs into a read time-out.
"""

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class _Watch:
    ends_at: float
    number: int
    cut: Callable[[], None] | None = field(compare=False)  # None: the call has ended by itself


class Watchdog:
    """Call `cut` of whatever is still being watched when its time comes; the thread starts at first use.

    A call that has ended stays in the heap, as an empty entry, until its deadline would have come: the heap is as long
    as there are calls begun within one deadline. Does not survive a fork; see `forget`.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew, in a child: its parent's thread does not exist here, and its locks may be held for ever."""
        self._changed = threading.Condition()
        self._watches: list[_Watch] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, ends_at: float, cut: Callable[[], None]) -> Iterator[None]:
        """Run the block; if it still runs at `ends_at` (monotonic seconds), call `cut` from the watchdog's thread.

        `cut` must not block or raise, and must bear being called just after the block has ended.
        """
        watch = _Watch(ends_at, next(self._numbers), cut)
        with self._changed:
            heapq.heappush(self._watches, watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="calcom-watchdog", daemon=True)
                self._thread.start()
            elif self._watches[0] is watch:
                self._changed.notify()
        try:
            yield
        finally:
            watch.cut = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (due := self._take_due()):
                    self._changed.wait(self._watches[0].ends_at - time.monotonic() if self._watches else None)
            for cut in due:
                cut()

    def _take_due(self) -> list[Callable[[], None]]:
        due = []
        now = time.monotonic()
        while self._watches and (self._watches[0].cut is None or self._watches[0].ends_at <= now):
            if (cut := heapq.heappop(self._watches).cut) is not None:
                due.append(cut)
        return due


WATCHDOG = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.forget)
