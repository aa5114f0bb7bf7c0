"""Cal.com behind the breaker: ask, call, report. Whoever calls Cal.com calls it through here."""

import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from db.appointment import Appointment
from resilience.permit import CallOutcome, Denied, Permit, RateNews, Reason, Recorded, State
from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.body import attendee_address
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Verdict
from tasks.calcom.replies import read_failure, read_post
from tasks.calcom.waits import allowance
from tasks.parts import Parts

CREATE, LIST, SLOTS = "bookings.create", "bookings.list", "slots"
GET, EVENT_TYPES, ME = "bookings.get", "event_types", "me"
_WORKER = socket.gethostname()


class NotNow(Exception):  # noqa: N818 - not an error: the breaker or the limit says "later"
    """Say that a call must not go now; nothing was sent."""

    def __init__(self, denied: Denied, endpoint: str) -> None:
        super().__init__(denied.reason.value)
        self.denied = denied
        self.endpoint = endpoint

    @property
    def look_only(self) -> bool:
        """Say whether only the reading endpoint is shut: the service lives, and others may be booked."""
        alive = self.denied.state in (State.CLOSED, State.OFF)
        return self.endpoint != CREATE and self.denied.reason is Reason.BREAKER_OPEN and alive


class GuardedCalls:
    """Make the calls of one attempt, each with a permit of its own and a report.

    `released`: the row was let go by the paced release, so its POST takes that place in the window. `renew` extends the
    claim, before each call but the first; what it raises is raised with nothing sent.
    """

    def __init__(
        self, parts: Parts, row: Appointment, *, released: bool = False, renew: Callable[[], object] = lambda: None
    ) -> None:
        self._client = parts.calcom
        self._breaker = parts.breaker
        self._row = row
        self._item = row.id if released else None
        self._owner = row.claim_token or uuid4()  # who has no claim is nobody else's probe either
        self._calls = 0
        self._renew = renew
        self._longest_wait = parts.terms.margin  # as much of a claim as its calls do not need
        self.pause = threading.Event().wait  # seconds; for the limit
        self._posted = False
        self.last: Recorded | None = None  # of the POST, once there was one: it says what held bookings may do
        self.shut = False  # whether the last report found that this booking's POST must wait
        self.gave_back = False  # whether a place in the release's window is free again without a POST
        self.probe_failed = False
        self.blame = False  # whether a probe failed though Cal.com was there
        self.key_fingerprint = parts.calcom.key_fingerprint

    # What the looks and event_types.py know of a client.

    def list_bookings(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/bookings, if it may go now."""
        return self._read(LIST, lambda: self._client.list_bookings(params))

    def slots(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/slots, if it may go now."""
        return self._read(SLOTS, lambda: self._client.slots(params))

    def booking(self, uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/{uid}, if it may go now."""
        return self._read(GET, lambda: self._client.booking(uid, deadline=deadline))

    def booking_of_seat(self, seat_uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/by-seat/{seatUid}, if it may go now."""
        return self._read(GET, lambda: self._client.booking_of_seat(seat_uid, deadline=deadline))

    def event_type(self, calcom_id: int) -> Answer | NoAnswer:
        """GET /v2/event-types/{id}, if it may go now."""
        return self._read(EVENT_TYPES, lambda: self._client.event_type(calcom_id))

    def event_types(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/event-types, if it may go now."""
        return self._read(EVENT_TYPES, lambda: self._client.event_types(params))

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me, if it may go now."""
        return self._read(ME, self._client.me)

    def permit_post(self) -> Permit:
        """Ask whether the booking may be posted now; what is permitted must be reported (`post` or `give_up`).

        Raises:
            NotNow: The breaker is open, or the limit is reached.
        """
        item, self._item = self._item, None
        return self._permit(CREATE, probe_ok=True, item=item)

    def post(self, permit: Permit, body: Mapping[str, Any], may_send: Callable[[], bool]) -> Reply:
        """POST the booking once and report what came of it."""
        answer: Answer | NoAnswer | None = None
        try:
            answer = self._client.post_booking(body, may_send=may_send, correlation_id=self._row.correlation_id)
        finally:
            if answer is None:
                self.give_up(permit)
        reply = read_post(
            answer,
            reference=str(self._row.uuid),
            attendee=attendee_address(self._row),
            start=self._row.start_at,
            now=datetime.now(UTC),
        )
        self._report(permit, answer, reply)
        return reply

    def give_up(self, permit: Permit) -> None:
        """Report a permit with which nothing was sent."""
        self.last = self._breaker.record(permit, CallOutcome.IGNORED)

    def done(self) -> None:
        """Give a release's place back when the attempt ended without a POST."""
        if self._item is not None:
            self._breaker.give_back(CREATE, self._item)
            self._item = None
            self.gave_back = True

    def _read(self, endpoint: str, call: Callable[[], Answer | NoAnswer]) -> Answer | NoAnswer:
        # A probe is a booking that may be posted now. Only when no such one waits is one released that must be looked
        # for first: better that its look is the probe than that the line waits for new traffic.
        if self._calls:
            self._renew()
        permit = self._permit(endpoint, probe_ok=self._item is not None, item=None)
        answer: Answer | NoAnswer | None = None
        try:
            answer = call()
        finally:
            if answer is None:
                self.give_up(permit)
        self._report(permit, answer, read_failure(answer, now=datetime.now(UTC)))
        return answer

    def _permit(self, endpoint: str, *, probe_ok: bool, item: int | None) -> Permit:
        self._calls += 1
        may_wait = self._longest_wait if self._calls > 1 else 0.0
        while isinstance(permit := self._ask(endpoint, probe_ok=probe_ok, item=item), Denied):
            wait = permit.retry_after
            # What has begun is worth finishing: one that must begin anew whenever the limit denies its third call never
            # comes to its fourth.
            if permit.reason is not Reason.THROTTLED or wait is None or wait > may_wait:
                raise NotNow(permit, endpoint)
            may_wait -= max(wait, 0.05)
            self.pause(wait)
        return permit

    def _ask(self, endpoint: str, *, probe_ok: bool, item: int | None) -> Permit | Denied:
        owner = f"{self._owner}:{self._calls}"
        permit = self._breaker.acquire(endpoint, owner=owner, probe_ok=probe_ok, item=item)
        if isinstance(permit, Denied) and not probe_ok and may_probe_itself(permit):
            permit = self._breaker.acquire(endpoint, owner=f"{owner}:probe", probe_ok=True, item=item)
        return permit

    def _report(self, permit: Permit, answer: Answer | NoAnswer, reply: Reply | None) -> None:
        outcome = _outcome(reply)
        error = ErrorType.NONE if reply is None else reply.error_type
        news = allowance(answer.headers, datetime.now(UTC)) if isinstance(answer, Answer) else None
        last = self._breaker.record(
            permit,
            outcome,
            reason=error.value,
            elapsed=answer.elapsed,
            retry_after=None if reply is None else reply.retry_after,
            context={"correlation_id": self._row.correlation_id, "error_type": error.value, "worker": _WORKER},
            news=None if news is None else RateNews(*news),
        )
        self.shut = not last.may_go if permit.endpoint == CREATE else last.state in _SHUT
        self._posted = self._posted or permit.endpoint == CREATE
        if permit.endpoint == CREATE or not self._posted:
            self.last = last
        if permit.probe and permit.endpoint == CREATE:  # a probe that only read says nothing of this booking
            self.probe_failed = outcome in {CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT}
            self.blame = outcome is CallOutcome.FAILURE_ENDPOINT


def may_probe_itself(denied: Denied) -> bool:
    """Return whether a reading endpoint waits for a probe while the service lives: then a look is just the one."""
    return denied.state is State.CLOSED and denied.endpoint_state is State.HALF_OPEN


def _outcome(reply: Reply | None) -> CallOutcome:
    if reply is None:
        return CallOutcome.SUCCESS
    match reply.meaning:
        case Meaning.THROTTLED:
            return CallOutcome.THROTTLED
        case Meaning.CREDENTIALS:
            return CallOutcome.CREDENTIALS
    return _OUTCOMES[reply.verdict]


_SHUT = (State.OPEN, State.FORCED_OPEN)
_OUTCOMES = {
    Verdict.SUCCESS: CallOutcome.SUCCESS,
    Verdict.FAILURE_SERVICE: CallOutcome.FAILURE_SERVICE,
    Verdict.FAILURE_ENDPOINT: CallOutcome.FAILURE_ENDPOINT,
    Verdict.IGNORED: CallOutcome.IGNORED,
}
