"""How much of this machine's cores nobody uses: what waits leaves them to others."""

import os
import time
from collections.abc import Callable
from pathlib import Path

STAT = Path("/proc/stat")
TICK = os.sysconf("SC_CLK_TCK")
LOOK = 4.0  # seconds: to start what a process needs takes less


def seen() -> tuple[float, float]:
    """Return this moment and for how many seconds cores were idle until then, waiting for a disk included."""
    if not STAT.exists():
        return time.monotonic(), 0.0
    fields = STAT.read_text().partition("\n")[0].split()
    return time.monotonic(), (int(fields[4]) + int(fields[5])) / TICK


class Cores:
    """Tell how many cores were idle, time after time."""

    def __init__(self, look: Callable[[], tuple[float, float]] = seen) -> None:
        self._look = look
        self._at, self._idle = look()

    def idle(self) -> float:
        """Return how many cores were idle since this was told last; 0.0: that is not LOOK seconds ago, or unknown."""
        at, idle = self._look()
        if (seconds := at - self._at) < LOOK:
            return 0.0
        self._at, before, self._idle = at, self._idle, idle
        return (idle - before) / seconds
