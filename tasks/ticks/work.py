"""The periodic tasks that a look starts: when each has something to do, and how often it runs then."""

import time
from collections.abc import Callable
from typing import NamedTuple

from db.monitoring.counts_now import CAP
from db.queue.due import DueWork
from tasks.maintenance.recovery import ASK_AGAIN
from tasks.maintenance.release import RELEASE

EARLY = 0.5  # seconds that a tick may come early


class Look(NamedTuple):
    """What a look has found."""

    stored: DueWork
    closed: bool
    """Whether each breaker is closed."""
    sinks: bool
    """Whether alerts have anywhere to go."""


class PeriodicWork(NamedTuple):
    """A task that runs when it has something to do, but not more often than every so many seconds."""

    task: str
    every: float
    is_due: Callable[[Look], bool]


WORK = (
    # An open breaker whose time is over: while no call comes, nobody but the release writes that down.
    PeriodicWork(RELEASE, 1.0, lambda look: look.stored.held or not look.closed),
    PeriodicWork("tasks.callbacks.due.send_due", 1.0, lambda look: look.stored.callbacks),
    PeriodicWork("tasks.calcom_webhooks.looks.look_at_hints", 1.0, lambda look: look.stored.hints),
    PeriodicWork(
        "tasks.maintenance.sweeper.rescue_stranded",
        2.0,
        lambda look: look.stored.waiting or look.stored.lost or look.stored.wished,
    ),
    PeriodicWork("tasks.maintenance.held.count_held", 2.0, lambda look: look.stored.most_held > CAP),
    PeriodicWork("tasks.maintenance.booking_minutes.count_minutes", 3.0, lambda _: True),
    PeriodicWork(ASK_AGAIN, 5.0, lambda look: look.stored.held),
    PeriodicWork("tasks.incidents.delivery.send_alerts", 5.0, lambda look: look.sinks),
    PeriodicWork("tasks.maintenance.sweeper.expire_held", 10.0, lambda look: look.stored.held or look.stored.waiting),
)


class Periods:
    """When this process last started each task; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: dict[str, float] = {}

    def begin(self, work: PeriodicWork) -> bool:
        """Return whether the task's period is over; then the next one begins now."""
        now, begun = self._clock(), self._begun.get(work.task)
        if begun is not None and now - begun < work.every - EARLY:
            return False
        self._begun[work.task] = now
        return True
