"""The calls of an audit, each in its turn: bookings go first."""

import time
from collections.abc import Callable

from db.appointments import queue
from db.lifecycle import HoldReason
from resilience import correlation
from resilience.circuit_breaker.types import Denied, Permit, Reason
from tasks.dependencies import Dependencies
from tasks.guarded_calls import Ask, GuardedCalls

_SOON = 1.0  # seconds, where the limit does not say when to ask again
_DENIED = {
    Reason.BREAKER_OPEN: "the circuit breaker is open: Cal.com is left alone (`booking breaker status`)",
    Reason.CREDENTIALS: "Cal.com refuses our API key: set a good one, or `booking breaker reset`",
    Reason.CONFIGURATION: "what answers is not Cal.com's API: set CALCOM_BASE_URL right (`booking check`)",
}


class AuditHalted(Exception):  # noqa: N818 - it ends an audit; nothing of ours is wrong
    """Say why Cal.com cannot be asked, or not understood, now; the text is for the operator."""


class LeftAlone(AuditHalted):
    """Say that Cal.com is left alone now: nothing was sent."""


class AuditCalls(GuardedCalls):
    """Read what Cal.com has and cancel a booking, as the breaker and the rate limit allow.

    Each call raises LeftAlone, with nothing sent, while the breaker lets nothing through. Bookings go before audits:
    over the limit an audit waits (`pause`, seconds; `waiting` is told first), while the breaker is not closed it ends.
    """

    def __init__(
        self,
        deps: Dependencies,
        *,
        pause: Callable[[float], object] | None = None,
        waiting: Callable[[float], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(deps, correlation.new(), pause=pause)
        self.clock = clock
        self._waiting = waiting

    def _turn(self, ask: Ask, _number: int) -> Permit | Denied:
        while True:
            wait = _SOON
            if not self._bookings_wait():
                permit = ask()
                if not isinstance(permit, Denied):
                    return permit
                if permit.reason in _DENIED:
                    raise LeftAlone(_DENIED[permit.reason])
                wait = permit.retry_after or _SOON
            self._waiting(wait)
            self.pause(wait)

    def _bookings_wait(self) -> bool:
        """Return whether bookings wait for the limit: what is free of it is theirs."""
        with self.deps.engine.connect() as conn:
            return queue.backlog_reason(conn) is HoldReason.THROTTLED
