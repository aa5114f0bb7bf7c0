"""The base class of booking tasks: Celery's autoretry with the delays of our own RetryPolicy."""

from typing import Any, NoReturn

from celery import Task
from celery.exceptions import Ignore, Retry
from sqlalchemy.exc import SQLAlchemyError

from db.appointments import Appointment
from db.changes.change import BookingChange
from resilience.exceptions import AppointmentException
from resilience.retry_policy import is_immediate
from tasks import dependencies
from tasks.host.database_errors import as_appointment_error
from tasks.work.publish import LONGEST_COUNTDOWN, send, send_once_more


class ComeAgain(Exception):  # noqa: N818 - no error: the wait that it reports is committed
    """Ask that the task is sent again in `delay` seconds: its row is committed as `retrying`."""

    def __init__(self, row: Appointment | BookingChange, delay: float, why: str) -> None:
        super().__init__(why)
        self.row = row
        self.delay = delay


class BookingTask(Task):  # type: ignore[misc]  # Celery ships no types
    """Retry by our policy, with exact delays and a little jitter; Celery has whole seconds and full jitter.

    The policy decides when to stop. So `max_retries` is None here and is never given to `retry()`: Celery would use
    that number for the task's next call, too.
    """

    abstract = True
    autoretry_for = (ComeAgain, AppointmentException, SQLAlchemyError)
    max_retries = None

    def retry(self, *_args: Any, exc: BaseException | None = None, **_options: Any) -> NoReturn:
        """Send the task again after the policy's delay.

        Raises:
            Retry: The message is sent; the worker reports `task-retried`.
            Ignore: No message is sent now, and the sweeper sends it later. (Without Ignore Celery would reject the
                message and report a failure.)
        """
        if isinstance(exc, ComeAgain):
            self._send_again(exc.row, exc.delay, exc)
        self._retry_database(exc)

    def _send_again(self, row: Appointment | BookingChange, delay: float, exc: BaseException) -> NoReturn:
        if delay > LONGEST_COUNTDOWN or not send(dependencies.current(), [row], countdown=delay):
            raise Ignore
        raise Retry(exc=exc, when=delay)

    def _retry_database(self, exc: BaseException | None) -> NoReturn:
        """Send the message once more after an error of Postgres, which left the row as it was."""
        error, deps = as_appointment_error(exc), dependencies.current()
        attempt = self.request.retries
        if not error.is_retryable() or attempt >= deps.policy.max_attempts:
            raise Ignore  # nothing is lost: the sweeper finds the row, or its lease
        delay = deps.policy.delay(attempt, error)
        if not send_once_more(deps, self.request, countdown=delay, at_once=is_immediate(error)):
            raise Ignore
        raise Retry(exc=error, when=delay)
