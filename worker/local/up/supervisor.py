"""Keep parts running: one that dies is started again, after a wait that doubles while it keeps dying."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds
WELL_AFTER = 60.0  # a part that lived this long begins anew with the first wait


class Kept(Protocol):
    """Describe what a part must be able to do."""

    @property
    def name(self) -> str:
        """What it is called on the screen."""

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""

    def start(self) -> int | None:
        """Start it again; its new pid."""


@dataclass
class _Watched:
    part: Kept
    started_at: float
    wait: float = 0.0
    due_at: float | None = None  # when it is started again; None: it runs


class Supervisor:
    """Look at every part in turn. `clock` is monotonic, in seconds; `say` takes a line for the screen."""

    def __init__(self, parts: Sequence[Kept], say: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._watched = [_Watched(part, clock()) for part in parts]

    def look(self) -> None:
        """Notice what has died, and start what is due."""
        for one in self._watched:
            if one.due_at is None:
                self._notice(one)
            elif self._clock() >= one.due_at:
                self._start(one)

    def _notice(self, one: _Watched) -> None:
        code = one.part.exit_code()
        if code is None:
            return
        now = self._clock()
        lived_well = now - one.started_at >= WELL_AFTER
        one.wait = FIRST_WAIT if lived_well or not one.wait else min(one.wait * 2, LONGEST_WAIT)
        one.due_at = now + one.wait
        self._say(f"{one.part.name} has ended ({how(code)}); it is started again in {one.wait:g} s")

    def _start(self, one: _Watched) -> None:
        pid = one.part.start()
        one.started_at, one.due_at = self._clock(), None
        self._say(f"{one.part.name} runs again" + (f", pid {pid}" if pid else ""))


def how(code: int) -> str:
    """Say how a process ended."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"
