"""The harmless call: it finds out whether a refused key, a wrong configuration, a 429 of hours or an outage is over.

Where rows wait, recovery makes it (`tasks.maintenance.recovery`). For those who only read, of free times, say, no row
is held: they make it themselves.
"""

from contextlib import suppress

from booking_client import correlation
from db.appointments import queue
from resilience.circuit_breaker.types import Denied, Reason
from tasks.accounts.door import NoAccess
from tasks.calcom.booking_answers import read_list
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import LIST, ReadRequest
from tasks.calcom.reply import Reply
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.host.log import Logger

_LONG = 1.0  # seconds: a shorter wait is for a turn in the rate limit

log = Logger(__name__)


class TrialCalls(GuardedCalls):
    """Call Cal.com though our key is refused, another server answers, or a 429 asked for more than a minute."""

    def try_again(self, *, deadline: float | None = None) -> Reply | None:
        """Read one booking from Cal.com; None: the answer is a list of bookings.

        The breaker lets this call through once a minute in the fleet; its outcome lifts the block, or keeps it.
        `deadline` is a shorter limit for the whole call, in seconds.

        Raises:
            NotNow: A process has asked within the minute; or the breaker or the limit denies the call.
        """
        permit = self._permit_or_raise(LIST, trial=True)
        return self.call(permit, lambda: self._client.list_bookings({"take": 1}, deadline=deadline), _read_page).reply


class ReaderCalls(GuardedCalls):
    """Read from Cal.com for somebody for whom no row waits: what denies a read is tried by the harmless call first."""

    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Send a GET, and return its answer.

        Raises:
            NotNow: The breaker or the rate limit denies the call, and the harmless one, or that was answered badly.
        """
        try:
            return super().get(request)
        except NotNow as no:
            if not (self._may_be_over(no.denied) and is_well(self.deps, deadline=request.deadline)):
                raise
        return super().get(request)

    def _may_be_over(self, denied: Denied) -> bool:
        if denied.waits_for_probe:  # while rows are in the line the first of them is the probe
            with self.deps.autocommit.connect() as conn:
                return not queue.in_line(conn, after=0, limit=1, service=self.deps.breaker.service)
        long = denied.reason is Reason.THROTTLED and (denied.retry_after or 0) > _LONG
        return long or denied.reason in {Reason.CREDENTIALS, Reason.CONFIGURATION}


def is_well(deps: Dependencies, *, deadline: float | None = None) -> bool:
    """Make the harmless call for an account, if it may go now; return whether Cal.com answered it well."""
    with suppress(NotNow, NoAccess):  # asked within the minute; or the breaker is open, or the limit is reached
        reply = TrialCalls(deps.for_account(deps.caller.id), correlation.new()).try_again(deadline=deadline)
        log.info("asked_again", answer="well" if reply is None else reply.error_type.value)
        return reply is None
    return False


def _read_page(answer: Answer | NoAnswer) -> Reply | None:
    page = read_list(answer)
    return page if isinstance(page, Reply) else None
