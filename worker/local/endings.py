"""How a long command ends: Ctrl-C, SIGTERM or a closed terminal unwind it once, and nothing disturbs the unwinding."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.05


class Ending:
    """Unwind the block at the first signal; after `expect()`, only set `asked` and leave the rest to who waits for it.

    Raises (inside the block):
        KeyboardInterrupt: Ctrl-C.
        SystemExit: SIGTERM or SIGHUP, with the exit code that a shell would show.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._somebody_waits = False
        self._raised: BaseException | None = None

    def __enter__(self) -> Self:
        # What was ignored stays so: nohup, or a shell's background job.
        taken = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._on_signal) for number in taken}
        self._told_before, sys.unraisablehook = sys.unraisablehook, self._on_unraisable
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._told_before
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def expect(self) -> None:
        """Say that somebody waits for `asked` from here on, and ends things in order."""
        self._somebody_waits = True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        for each in self._before:
            signal.signal(each, signal.SIG_IGN)
        if self._somebody_waits:
            self.asked.set()
            return
        self._raised = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        self._number = number
        raise self._raised

    def _on_unraisable(self, ignored: "sys.UnraisableHookArgs") -> None:
        """Send the signal again when it came while an object was being deleted: Python ignores what is raised there."""
        if self._raised is None or ignored.exc_value is not self._raised:
            self._told_before(ignored)
            return
        for number in self._before:
            signal.signal(number, self._on_signal)
        threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), self._number)).start()
