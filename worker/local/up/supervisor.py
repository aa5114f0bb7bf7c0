"""Keep parts running: one that dies is started again, after a wait that doubles while it keeps dying."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds
STABLE_AFTER = 60.0  # a part that lived this long is next started after the first wait again


@dataclass(frozen=True)
class Supervised:
    """A process or a server that is kept running; the exit code is None while it runs, and a start returns its pid."""

    name: str
    exit_code: Callable[[], int | None]
    start: Callable[[], int | None]


@dataclass
class _Watched:
    part: Supervised
    started_at: float
    wait: float = 0.0
    due_at: float | None = None  # when it is started again; None: it runs


class Supervisor:
    """Check every part in turn. `clock` is monotonic, in seconds; `say` takes a line for the screen."""

    def __init__(self, parts: Sequence[Supervised], say: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._watched = [_Watched(part, clock()) for part in parts]

    def look(self) -> None:
        """Notice parts that have died, and start those whose wait is over."""
        for watched in self._watched:
            if watched.due_at is None:
                self._notice(watched)
            elif self._clock() >= watched.due_at:
                self._start(watched)

    def _notice(self, watched: _Watched) -> None:
        code = watched.part.exit_code()
        if code is None:
            return
        now = self._clock()
        stable = now - watched.started_at >= STABLE_AFTER
        watched.wait = FIRST_WAIT if stable or not watched.wait else min(watched.wait * 2, LONGEST_WAIT)
        watched.due_at = now + watched.wait
        self._say(f"{watched.part.name} has ended ({how(code)}); it is started again in {watched.wait:g} s")

    def _start(self, watched: _Watched) -> None:
        pid = watched.part.start()
        watched.started_at, watched.due_at = self._clock(), None
        self._say(f"{watched.part.name} runs again" + (f", pid {pid}" if pid else ""))


def how(code: int) -> str:
    """Return how a process ended, as text."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"
