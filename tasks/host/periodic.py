"""The base class of periodic tasks: ticks that have piled up run once, and an outage of the database is logged once.

No tick expires. Celery's `expires` compares a time of beat's clock with the worker's clock (celery/worker/request.py,
`maybe_expire`): a worker whose clock was 10 s ahead dropped every tick. Instead a worker runs one tick in each interval
and drops the others: each of these tasks does all the work that is due.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from celery import Task
from sqlalchemy.exc import SQLAlchemyError

from resilience.exceptions import AppointmentDatabaseException
from tasks.host.database_errors import as_appointment_error
from tasks.host.log import Logger

TICK = "booking_tick"  # header of beat's messages: the interval in seconds

log = Logger(__name__)


class Pace:
    """Allow one run of a task at a time, at least half an interval after the last run began; `clock` is monotonic.

    It is half an interval because ticks come early and late: a whole interval would drop every second tick.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = False
        self._begun: float | None = None

    def begin(self, every: float) -> bool:
        """Return whether a tick of this interval may run now; if so, call `end` after it."""
        with self._lock:
            now = self._clock()
            if self._running or (self._begun is not None and now - self._begun < every / 2):
                return False
            self._running, self._begun = True, now
            return True

    def end(self) -> None:
        """Allow the next run."""
        with self._lock:
            self._running = False


class PeriodicTask(Task):  # type: ignore[misc]  # Celery ships no types
    """Run at most one tick in each interval in this process; a message that is no tick always runs."""

    abstract = True
    send_events = False  # two ticks a second would push the bookings out of Flower's list
    throws = (AppointmentDatabaseException,)  # expected errors: Celery logs no traceback

    def __init__(self) -> None:
        self._pace = Pace()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run, unless this is a tick whose work another tick has just done."""
        if self.request.called_directly:
            return self.run(*arguments, **options)
        every = self.request.get(TICK)
        if not isinstance(every, int | float):
            return self._run(*arguments, **options)
        if not self._pace.begin(every):
            return None
        try:
            return self._run(*arguments, **options)
        finally:
            self._pace.end()

    def _run(self, *arguments: Any, **options: Any) -> Any:
        try:
            done = self.run(*arguments, **options)
        except SQLAlchemyError as exc:
            error = as_appointment_error(exc)
            if not error.is_retryable():
                raise  # this is a bug of ours: its traceback shows where
            _outage.begin(self.name, error)
            raise error from None
        _outage.end(self.name)
        return done


class _Outage:
    """Log once for all tasks of this process that the database fails, and once that it works again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: set[str] = set()

    def begin(self, task: str, error: BaseException) -> None:
        with self._lock:
            first = not self._failing
            self._failing.add(task)
        if first:
            log.warning("periodic_tasks_wait_for_postgres", task=task, error=str(error), next="each runs at its tick")

    def end(self, task: str) -> None:
        """Log the end when a task that had failed succeeds: other tasks may not have used the database."""
        with self._lock:
            over = task in self._failing
            if over:
                self._failing.clear()
        if over:
            log.info("periodic_tasks_go_on", task=task)


_outage = _Outage()
