"""The calls of an audit: each with a permit and a report like any other, and in its turn."""

import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from db import pacing
from db.lifecycle import HoldReason
from resilience import correlation
from resilience.permit import CallOutcome, Denied, Permit, RateNews, Reason
from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.cancel import read_cancel
from tasks.calcom.meaning import ErrorType, Meaning, Reply
from tasks.calcom.replies import read_failure
from tasks.calcom.waits import allowance
from tasks.guard import LIST, may_probe_itself
from tasks.parts import Parts

CANCEL, BOOKING, EVENT_TYPES, ME = "bookings.cancel", "bookings.get", "event_types", "me"
_WORKER = socket.gethostname()
_SOON = 1.0  # seconds, where the limit does not say when to ask again
_DENIED = {
    Reason.BREAKER_OPEN: "the circuit breaker is open: Cal.com is left alone (`booking breaker status`)",
    Reason.CREDENTIALS: "Cal.com refuses our API key: set a good one, or `booking breaker reset`",
}


class AuditHalted(Exception):  # noqa: N818 - it ends an audit; nothing of ours is wrong
    """Say why Cal.com cannot be asked, or not understood, now; the text is for the operator."""


class AuditCalls:
    """Read what Cal.com has and cancel a booking, as the breaker and the rate limit allow.

    Each call raises AuditHalted, with nothing sent, while the breaker lets nothing through. Bookings go before audits:
    over the limit an audit waits (`pause`, seconds; `waiting` is told first), while the breaker is not closed it ends.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        pause: Callable[[float], object],
        waiting: Callable[[float], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.parts = parts
        self.pause = pause
        self.clock = clock
        self._waiting = waiting
        self._id = correlation.new()
        self._numbers = count(1)

    def list_bookings(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/bookings, in its turn."""
        return self._read(LIST, lambda: self.parts.calcom.list_bookings(params))

    def booking(self, uid: str) -> Answer | NoAnswer:
        """GET /v2/bookings/{uid}, in its turn; all weeks where it is the uid of a series."""
        return self._read(BOOKING, lambda: self.parts.calcom.booking(uid))

    def booking_of_seat(self, seat_uid: str) -> Answer | NoAnswer:
        """GET /v2/bookings/by-seat/{seatUid}, in its turn."""
        return self._read(BOOKING, lambda: self.parts.calcom.booking_of_seat(seat_uid))

    def event_type(self, calcom_id: int) -> Answer | NoAnswer:
        """GET /v2/event-types/{id}, in its turn."""
        return self._read(EVENT_TYPES, lambda: self.parts.calcom.event_type(calcom_id))

    def event_types(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/event-types, in its turn."""
        return self._read(EVENT_TYPES, lambda: self.parts.calcom.event_types(params))

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me, in its turn."""
        return self._read(ME, self.parts.calcom.me)

    def cancel(
        self, uid: str, body: Mapping[str, Any], *, may_send: Callable[[], bool], correlation_id: str
    ) -> Reply | None:
        """Cancel a booking, or the seat that `body` names; None when it is gone, else why it may still be there.

        `may_send` is asked right before the first byte, and what it raises is raised here with nothing sent.

        Raises:
            AuditHalted: The breaker lets nothing through; nothing was sent.
        """
        client = self.parts.calcom

        def send() -> Answer | NoAnswer:
            return client.cancel_booking(uid, body, may_send=may_send, correlation_id=correlation_id)

        def read(answer: Answer | NoAnswer, *, now: datetime) -> Reply | None:
            return read_cancel(answer, seat_uid=body.get("seatUid"), now=now)

        return self._call(CANCEL, correlation_id, send, read)[1]

    def _read(self, endpoint: str, send: Callable[[], Answer | NoAnswer]) -> Answer | NoAnswer:
        return self._call(endpoint, self._id, send, read_failure)[0]

    def _call(
        self,
        endpoint: str,
        correlation_id: str,
        send: Callable[[], Answer | NoAnswer],
        read: Callable[..., Reply | None],
    ) -> tuple[Answer | NoAnswer, Reply | None]:
        permit = self._permit(endpoint)
        answer: Answer | NoAnswer | None = None
        try:
            answer = send()
        finally:
            if answer is None:
                self.parts.breaker.record(permit, CallOutcome.IGNORED)
        reply = read(answer, now=datetime.now(UTC))
        self._report(permit, answer, reply, correlation_id)
        return answer, reply

    def _permit(self, endpoint: str) -> Permit:
        while True:
            if self._bookings_wait():
                self._waiting(_SOON)
                self.pause(_SOON)
                continue
            owner = f"audit:{self._id}:{next(self._numbers)}"
            permit = self.parts.breaker.acquire(endpoint, owner=owner, probe_ok=False)
            if isinstance(permit, Denied) and may_probe_itself(permit):  # nobody else calls some of these endpoints
                permit = self.parts.breaker.acquire(endpoint, owner=f"{owner}:probe", probe_ok=True)
            if not isinstance(permit, Denied):
                return permit
            if permit.reason in _DENIED:
                raise AuditHalted(_DENIED[permit.reason])
            wait = permit.retry_after or _SOON
            self._waiting(wait)
            self.pause(wait)

    def _bookings_wait(self) -> bool:
        """Say whether bookings wait for the limit: what is free of it is theirs."""
        with self.parts.engine.connect() as conn:
            return pacing.line(conn) is HoldReason.THROTTLED

    def _report(self, permit: Permit, answer: Answer | NoAnswer, reply: Reply | None, correlation_id: str) -> None:
        error = ErrorType.NONE if reply is None else reply.error_type
        news = allowance(answer.headers, datetime.now(UTC)) if isinstance(answer, Answer) else None
        self.parts.breaker.record(
            permit,
            _outcome(reply),
            reason=error.value,
            elapsed=answer.elapsed,
            retry_after=None if reply is None else reply.retry_after,
            context={"correlation_id": correlation_id, "error_type": error.value, "worker": _WORKER},
            news=None if news is None else RateNews(*news),
        )


def _outcome(reply: Reply | None) -> CallOutcome:
    if reply is None:
        return CallOutcome.SUCCESS
    match reply.meaning:
        case Meaning.THROTTLED:
            return CallOutcome.THROTTLED
        case Meaning.CREDENTIALS:
            return CallOutcome.CREDENTIALS
    return CallOutcome(reply.verdict.value)  # a verdict's words are an outcome's
