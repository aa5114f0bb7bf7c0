"""How a long command ends: Ctrl-C, SIGTERM or a closed terminal unwind it once, and nothing disturbs the unwinding."""

import signal
import threading
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Unwind the block at the first signal; after `expect()`, only set `asked` and leave the rest to who waits for it.

    Raises (inside the block):
        KeyboardInterrupt: Ctrl-C.
        SystemExit: SIGTERM or SIGHUP, with the exit code that a shell would show.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._somebody_waits = False

    def __enter__(self) -> Self:
        # What was ignored stays so: nohup, or a shell's background job.
        taken = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._on_signal) for number in taken}
        return self

    def __exit__(self, *_: object) -> None:
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
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + number)
