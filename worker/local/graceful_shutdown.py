"""End a long command: Ctrl-C, SIGTERM or a closed terminal unwind it once, and no second signal disturbs that."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.05


class GracefulShutdown:
    """Unwind the block at the first signal; after `defer()`, set `requested` and nothing more.

    Raises (inside the block):
        KeyboardInterrupt: Ctrl-C.
        SystemExit: SIGTERM or SIGHUP, with the exit code that a shell would show.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._deferred = False
        self._raised: BaseException | None = None
        self._again: threading.Timer | None = None

    def __enter__(self) -> Self:
        # A signal that was ignored stays ignored: nohup, or a shell's background job.
        taken = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._handlers = {number: signal.signal(number, self._on_signal) for number in taken}
        self._hook_before, sys.unraisablehook = sys.unraisablehook, self._on_unraisable
        return self

    def __exit__(self, *_: object) -> None:
        if self._again is not None:
            self._again.cancel()  # the block has ended by itself: nothing is left to unwind
        sys.unraisablehook = self._hook_before
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def defer(self) -> None:
        """From now on only set `requested` at a signal: the caller waits for it and ends its processes in order."""
        self._deferred = True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        for each in self._handlers:
            signal.signal(each, signal.SIG_IGN)
        if self._deferred:
            self.requested.set()
            return
        self._raised = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        self._number = number
        raise self._raised

    def _on_unraisable(self, ignored: "sys.UnraisableHookArgs") -> None:
        """Send the signal again when it came while an object was being deleted: Python ignores what is raised there."""
        if self._raised is None or ignored.exc_value is not self._raised:
            self._hook_before(ignored)
            return
        for number in self._handlers:
            signal.signal(number, self._on_signal)
        self._again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), self._number))
        self._again.start()
