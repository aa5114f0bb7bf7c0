"""The calls of an audit, each in its turn: bookings go first."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from db.appointments import queue
from db.lifecycle import HoldReason
from resilience import correlation
from resilience.circuit_breaker.types import Denied, Permit, Reason
from tasks.calcom.access import CANCEL
from tasks.calcom.cancel import read_cancel
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import Reply
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

    def cancel(
        self, uid: str, body: Mapping[str, Any], *, may_send: Callable[[], bool], correlation_id: str
    ) -> Reply | None:
        """Cancel a booking, or the seat that `body` names; None when it is gone, else why it may still be there.

        `may_send` is asked right before the first byte, and what it raises is raised here with nothing sent.

        Raises:
            LeftAlone: The breaker lets nothing through.
        """

        def send() -> Answer | NoAnswer:
            return self._client.cancel_booking(uid, body, may_send=may_send, correlation_id=correlation_id)

        permit = self._permit_or_raise(CANCEL)
        return self._call(permit, send, lambda answer: read_cancel(answer, seat_uid=body.get("seatUid"))).reply

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
