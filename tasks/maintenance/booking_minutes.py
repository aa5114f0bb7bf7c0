"""Count what happened in each minute, for charts and figures that must not read every booking."""

import time
from collections.abc import Callable

from db.monitoring import booking_minutes
from tasks import dependencies
from tasks.host.application import app
from tasks.host.periodic import PeriodicTask

SECONDS = 2.0  # seconds of a run; the next runs count what is left


@app.task(base=PeriodicTask, name="tasks.maintenance.booking_minutes.count_minutes")
def count_minutes() -> int:
    """Count what is new; return the number of batches. Any number of processes may run this: only one counts."""
    return count(dependencies.current())


def count(deps: dependencies.Dependencies, *, clock: Callable[[], float] = time.monotonic) -> int:
    """Count until nothing is left that can be counted now, or until the time is up."""
    ends, batches, more = clock() + SECONDS, 0, True
    while more and clock() < ends:
        with deps.engine.begin() as conn:
            more = booking_minutes.count_on(conn)
        batches += 1
    return batches
