"""The base class of periodic tasks: ticks that piled up run once, and a database that fails us is said once.

When a message was sent is known by beat's clock only. Celery's `expires` is a moment of that clock, compared with the
worker's (celery/worker/request.py, `maybe_expire`): a worker 10 s ahead dropped every tick there was. So none expires.
A worker runs one an interval, and drops the others that it finds: each of these tasks does all that is to be done.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from celery import Task
from sqlalchemy.exc import SQLAlchemyError

from resilience.exceptions import AppointmentDatabaseException
from tasks.database_errors import as_appointment_error
from tasks.log import Logger

TICK = "booking_tick"  # header of what beat sends: its interval in seconds

log = Logger(__name__)


class Pace:
    """Let one run of a task at a time begin, and the next half an interval later; `clock` is monotonic, in seconds.

    Half, for ticks come early and late: a whole interval would drop every other one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = False
        self._begun: float | None = None

    def begin(self, every: float) -> bool:
        """Return whether a tick of this interval may run now; who begins must `end`."""
        with self._lock:
            now = self._clock()
            if self._running or (self._begun is not None and now - self._begun < every / 2):
                return False
            self._running, self._begun = True, now
            return True

    def end(self) -> None:
        """Let the next one begin."""
        with self._lock:
            self._running = False


class PeriodicTask(Task):  # type: ignore[misc]  # Celery ships no types
    """Run at most one tick an interval in this process; what is sent for a moment of its own always runs."""

    abstract = True
    send_events = False  # four ticks a second would bury the bookings in Flower's list, and push them out of it
    throws = (AppointmentDatabaseException,)  # expected: Celery writes no traceback

    def __init__(self) -> None:
        self._pace = Pace()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run, unless this is a tick of which another has just done the work."""
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
                raise  # a fault of ours: its traceback says where
            _outage.begin(self.name, error)
            raise error from None
        _outage.end(self.name)
        return done


class _Outage:
    """Say once for all tasks of this process that the database fails us, and once that it is over."""

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
        """Say that it is over when a task that failed went through: one that asks nothing proves nothing."""
        with self._lock:
            over = task in self._failing
            if over:
                self._failing.clear()
        if over:
            log.info("periodic_tasks_go_on", task=task)


_outage = _Outage()
