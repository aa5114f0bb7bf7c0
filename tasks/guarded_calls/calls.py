"""Calls of Cal.com behind the breaker: acquire a permit, call, record the outcome. No task calls Cal.com otherwise."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Generic, TypeVar
from uuid import uuid4

from db.appointments.appointment import Appointment
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, Reason, Recorded, State
from tasks.calcom.access import CREATE
from tasks.calcom.classify import read_post
from tasks.calcom.failures import read_content
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.http.headers import allowance
from tasks.calcom.reads import CalcomReads, ReadRequest
from tasks.calcom.reply import ErrorType, Reply
from tasks.calcom.request_body import attendee_address, booking_body
from tasks.dependencies import Dependencies
from tasks.work.moves import CallMade

_WORKER = socket.gethostname()
_OWN_PROBE = State.CLOSED, State.HALF_OPEN  # only the reading endpoint waits for a probe: then this read is that probe
_LEAST_PAUSE = 0.05  # seconds

R = TypeVar("R", bound=Reply | None)
Ask = Callable[[], Permit | Denied]


class NotNow(Exception):  # noqa: N818 - no error: the breaker or the rate limit says "later"
    """Report that a call was denied; nothing was sent."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.reason.value)
        self.denied = denied

    @property
    def lookups_only(self) -> bool:
        """Return whether only the reading endpoint is blocked: other bookings may be posted."""
        return self.denied.reason is Reason.BREAKER_OPEN and self.denied.state is State.CLOSED

    @property
    def opens_in(self) -> float | None:
        """Return the seconds until the endpoint may be probed; None: a probe is under way."""
        return self.denied.retry_after if self.denied.endpoint_state is State.OPEN else None


@dataclass(frozen=True, slots=True)
class CallResult(Generic[R]):
    """Hold the result of a call: the answer, what it means (None: success), and what the breaker recorded.

    `probe`: the call was the one that a half-open breaker lets through.
    """

    answer: Answer | NoAnswer
    reply: R
    probe: bool
    recorded: Recorded


class GuardedCalls(CalcomReads):
    """Call Cal.com, each call with a permit of its own and a record of its outcome; a denied read raises NotNow.

    `owner` is unique. `probe_ok`: a read may be the probe of the whole service. `renew` extends the claim before each
    read but the first; its exceptions are raised with nothing sent. `patience` is how many seconds each call but the
    first may wait for the rate limit (`pause`). `on_report` gets what the breaker recorded, and the call (None: nothing
    was sent).
    """

    def __init__(
        self,
        deps: Dependencies,
        correlation_id: str,
        *,
        owner: str = "",
        probe_ok: bool = False,
        renew: Callable[[], object] = lambda: None,
        patience: float = 0.0,
        pause: Callable[[float], object] | None = None,
        on_report: Callable[[Recorded, CallMade | None], object] = lambda *_: None,
    ) -> None:
        self.deps = deps
        self.pause = pause or threading.Event().wait
        self._client = deps.calcom
        self._correlation_id = correlation_id
        self._owner, self._probe_ok = owner or str(uuid4()), probe_ok
        self._renew, self._patience = renew, patience
        self._on_report = on_report
        self._numbers = count()
        self.answered_at = 0  # ms of Redis's clock: when the first call that was a success was permitted

    def permit_post(
        self,
        item: int | None = None,
        *,
        endpoint: str = CREATE,
        probe: Callable[[], object] | None = None,
        keyless: bool = False,
    ) -> Permit | Denied:
        """Ask whether a POST may be sent now; each permit must be passed to `post`, `call` or `give_up`.

        `item` is the id of a row that the paced release let go: its POST takes the row's place in the release window.
        `probe` makes the harmless call that is the probe of the whole service in place of this POST (None: the POST may
        be it). `keyless`: it is sent without our key, and Cal.com counts it for our address.
        """
        ask = partial(self._permit, endpoint, probe_ok=probe is None, item=item, keyless=keyless)
        permit = ask(next(self._numbers))
        if probe and self._probe_ok and isinstance(permit, Denied) and permit.waits_for_probe:
            probe()
            permit = ask(next(self._numbers))
        return permit

    def post(self, permit: Permit, row: Appointment, may_send: Callable[[], bool]) -> CallResult[Reply]:
        """POST the booking once, and record the outcome; `may_send` is called right before the first byte."""

        def send() -> Answer | NoAnswer:
            body, correlation_id = booking_body(row), row.correlation_id
            return self._client.post_booking(body, may_send=may_send, correlation_id=correlation_id)

        def read(answer: Answer | NoAnswer) -> Reply:
            address = attendee_address(row)
            return read_post(answer, reference=str(row.uuid), attendee=address, start=row.start_at)

        return self.call(permit, send, read)

    def give_up(self, permit: Permit) -> None:
        """Record that nothing was sent with a permit."""
        self._on_report(self.deps.breaker.record(permit, CallOutcome.IGNORED), None)

    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Send a GET, and return its answer.

        Raises:
            NotNow: The breaker or the rate limit denies the call; nothing was sent.
        """
        permit = self._permit_or_raise(request.endpoint)
        return self.call(permit, lambda: self._client.get(request), _read_whole).answer

    def _permit_or_raise(self, endpoint: str, *, trial: bool = False) -> Permit:
        # The probe is a booking that may be posted now. If no such booking waits, one to be looked up first is
        # released, and its lookup is the probe: otherwise the line would wait for a new booking.
        number = next(self._numbers)
        if number:
            self._renew()
        permit = self._permit(endpoint, number, probe_ok=self._probe_ok, trial=trial)
        if isinstance(permit, Denied):
            raise NotNow(permit)
        return permit

    def _permit(
        self,
        endpoint: str,
        number: int,
        *,
        probe_ok: bool,
        item: int | None = None,
        trial: bool = False,
        keyless: bool = False,
    ) -> Permit | Denied:
        owner, caller = f"{self._owner}:{number}", self.deps.caller
        account = caller.without_key() if keyless else caller
        acquire = partial(self.deps.breaker.acquire, endpoint, item=item, trial=trial, account=account)

        def ask() -> Permit | Denied:
            permit = acquire(owner=owner, probe_ok=probe_ok, taken_at=self.answered_at)
            if isinstance(permit, Denied) and not probe_ok and (permit.state, permit.endpoint_state) == _OWN_PROBE:
                permit = acquire(owner=f"{owner}:probe", probe_ok=True)
            return permit

        return self._turn(ask, number)

    def _turn(self, ask: Ask, number: int) -> Permit | Denied:
        """Ask for a permit, and ask again while the rate limit may soon allow the call.

        If an attempt began again whenever its third call is denied, it would never reach the fourth.
        """
        left = self._patience if number else 0.0
        while isinstance(permit := ask(), Denied):
            wait = permit.retry_after
            if permit.reason is not Reason.THROTTLED or wait is None or wait > left:
                break
            left -= max(wait, _LEAST_PAUSE)
            self.pause(wait)
        return permit

    def call(
        self, permit: Permit, send: Callable[[], Answer | NoAnswer], read: Callable[[Answer | NoAnswer], R]
    ) -> CallResult[R]:
        """Send once, read the answer, and record its outcome."""
        answer: Answer | NoAnswer | None = None
        try:
            answer = send()
        finally:
            if answer is None:
                self.give_up(permit)
        reply = read(answer)
        error = ErrorType.NONE if reply is None else reply.error_type
        recorded = self.deps.breaker.record(
            permit,
            outcome := self._outcome(permit, reply),
            reason=error.value,
            elapsed=answer.elapsed,
            retry_after=None if reply is None else reply.retry_after,
            context={"correlation_id": self._correlation_id, "error_type": error.value, "worker": _WORKER},
            quota_headers=allowance(answer.headers) if isinstance(answer, Answer) else None,
        )
        self.answered_at = self.answered_at or (permit.granted_at if outcome is CallOutcome.SUCCESS else 0)
        ended = {"status": answer.status} if isinstance(answer, Answer) else {"error": answer.error_type}
        self._on_report(recorded, {"endpoint": permit.endpoint, "ms": round(1000 * answer.elapsed), **ended})
        self.deps.database_calls.flush_if_due()
        return CallResult(answer, reply, permit.probe, recorded)

    def _outcome(self, permit: Permit, reply: Reply | None) -> CallOutcome:
        outcome = CallOutcome.SUCCESS if reply is None else reply.outcome
        if outcome is CallOutcome.CONFIGURATION and not (permit.trial or permit.endpoint == CREATE):
            return CallOutcome.IGNORED  # a proxy answered a read: no block, since POSTs may work and could not end it
        return outcome


def _read_whole(answer: Answer | NoAnswer) -> Reply | None:
    content = read_content(answer)
    return content if isinstance(content, Reply) else None
