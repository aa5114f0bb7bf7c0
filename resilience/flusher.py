"""A thread that sees to it that late reports are never later than promised."""

import threading
import weakref
from collections.abc import Callable


class Flusher:
    """Call `flush` a little after `wake`; starts its thread when first needed, so that a fork may come before.

    Keeps no hold of the object that `flush` belongs to.
    """

    def __init__(self, flush: Callable[[], None], *, after: float) -> None:
        self._flush = weakref.WeakMethod(flush)
        self._after = after
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Something is kept: flush it in time."""
        self._woken.set()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="breaker-late-reports", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; what is kept is left to the caller."""
        self._stopping.set()
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            if self._stopping.wait(self._after):
                return
            flush = self._flush()
            if flush is None:
                return
            flush()
            del flush
