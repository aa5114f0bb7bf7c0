"""How long a person waits for `booking show` and `booking status`, from the shell to its prompt."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

from environment import deployment, some

from tasks.enqueue import enqueue_bookings, wait
from worker.local.processes import fleet

SHOW, STATUS = 0.6, 0.8  # seconds
PAIRS = 7


def pairs() -> Iterator[dict[str, float]]:
    """Ask in turns, beside a fleet that has nothing to do."""
    with deployment(simulator=()) as ready:
        ready.processes.start_all(fleet(8))
        [receipt] = enqueue_bookings(some(1, 1))
        wait(receipt.appointment_id, seconds=60)
        given = ready.settings.environment()
        for turn in range(1 + PAIRS):
            show, status = _seconds(given, "show", str(receipt.appointment_id)), _seconds(given, "status")
            if turn:  # the first compiles
                yield {"show_seconds": show / SHOW, "status_seconds": status / STATUS}


def _seconds(environment: Mapping[str, str], *command: str) -> float:
    """Return how long a command runs; `status` may end with exit code 1."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "worker.cli", *command], env=environment, check=False, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - begun
