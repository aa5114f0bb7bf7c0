"""The calls of an audit, on demand, at night or after a restore. Each call waits while bookings need the rate limit."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from booking_client import correlation
from booking_client.states import DEFAULT_ACCOUNT
from db.audits import nights
from db.audits.nights import NightlyAudit
from db.lifecycle import HoldReason
from db.queue import waits
from resilience.circuit_breaker.types import Denied, Permit, Reason, State
from tasks.accounts.door import NoAccess
from tasks.calcom.access import CALCOM_RATE, CANCEL
from tasks.calcom.changes.cancel import NOT_THERE, read_cancel
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import Reply
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import Ask, GuardedCalls

_SOON = 1.0  # seconds until the next try if the denial names no time
_DENIED = {
    Reason.BREAKER_OPEN: "the circuit breaker is open: Cal.com is left alone (`booking breaker status`)",
    Reason.CREDENTIALS: "Cal.com refuses our API key: set a valid key, or run `booking breaker reset`",
    Reason.CONFIGURATION: "what answers is not Cal.com's API: correct CALCOM_BASE_URL (`booking check`)",
}
_SHARE = 10  # a nightly audit makes one tenth of the calls that the rate limit allows
_LEASE_MARGIN = 60.0  # seconds by which a nightly audit's lease outlives the longest call
_PIECE = 20.0  # seconds: a nightly audit renews its lease at least this often during a pause


class AuditHalted(Exception):  # noqa: N818 - it ends an audit, and is no error
    """Raised when Cal.com cannot be asked now, or its answer cannot be read; the text is for the operator."""


class LeftAlone(AuditHalted):
    """Raised when no call may be made now: nothing was sent; `reason` is the breaker's, if it said so."""

    def __init__(self, why: str, reason: Reason | None = None) -> None:
        super().__init__(why)
        self.reason = reason


class TakenUp(Exception):  # noqa: N818 - it ends our part of an audit; nothing went wrong
    """Raised when another process has the nightly audit now, or the audit was given up."""


class AuditCalls(GuardedCalls):
    """Read what Cal.com has and cancel a booking, as the breaker and the rate limit allow.

    Each call raises LeftAlone, with nothing sent, while the breaker lets nothing through. Over the limit a call waits
    (`pause`, seconds; `waiting` is called first, with the same seconds). `clock` is monotonic.
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
        self.account = DEFAULT_ACCOUNT
        self.clock = clock
        self._waiting = waiting

    def use(self, account: int) -> None:
        """Call with the key of this account from now on; at first it is that of the settings.

        Raises:
            LeftAlone: The account is paused or closed, or its key cannot be decrypted.
        """
        self.deps = self._opened(account)
        self.account, self._client = account, self.deps.calcom

    def _opened(self, account: int) -> Dependencies:
        try:
            return self.deps.for_account(account)
        except NoAccess as shut:
            raise LeftAlone(f"{shut.why} (`booking accounts list`)") from None

    def cancel(
        self, uid: str, body: Mapping[str, Any], *, may_send: Callable[[], bool], correlation_id: str
    ) -> Reply | None:
        """Cancel a booking, or the seat that `body` names; return None if it is gone, else why it may still be there.

        `may_send` is asked right before the first byte, and what it raises is raised here with nothing sent.

        Raises:
            LeftAlone: The breaker lets nothing through.
        """

        def send() -> Answer | NoAnswer:
            return self._client.cancel_booking(uid, body, may_send=may_send, correlation_id=correlation_id)

        permit = self._permit_or_raise(CANCEL)
        reply = self.call(permit, send, lambda answer: read_cancel(answer, seat_uid=body.get("seatUid"))).reply
        return None if reply.answer in NOT_THERE else reply

    def _turn(self, ask: Ask, _number: int) -> Permit | Denied:
        self._opened(self.account)  # it may have been paused meanwhile
        while True:
            wait = _SOON
            if not self._bookings_wait():
                permit = ask()
                if not isinstance(permit, Denied):
                    return permit
                if permit.reason in _DENIED:
                    raise LeftAlone(_DENIED[permit.reason], permit.reason)
                wait = permit.retry_after or _SOON
            self._waiting(wait)
            self.pause(wait)

    def _bookings_wait(self) -> bool:
        """Return whether bookings wait for the rate limit: bookings get the free calls before an audit."""
        with self.deps.engine.connect() as conn:
            return waits.backlog_reason(conn, self.account) is HoldReason.THROTTLED


class RestoredCalls(AuditCalls):
    """Read what Cal.com has while no worker runs: no booking goes first."""

    def _bookings_wait(self) -> bool:
        return False


class NightlyCalls(AuditCalls):
    """Read what Cal.com has for a nightly audit, each call `spacing` seconds after the last.

    Each call raises LeftAlone, with nothing sent, unless `is_calm`, and TakenUp when the audit is no longer ours.
    `pause` takes seconds, `clock` is monotonic.
    """

    def __init__(
        self,
        deps: Dependencies,
        audit: NightlyAudit,
        *,
        pause: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(deps, pause=self._rest, clock=clock)
        self._audit = audit
        self._wait = pause or threading.Event().wait
        self._next_at = clock()
        self.over = threading.Event()

    def beside(self) -> Self:
        """Return the calls of another account of the same audit, with a pace of its own; they end when `over` is set.

        They begin as these did, with the key of the settings.
        """
        other = type(self)(self.deps, self._audit, pause=self._wait, clock=self.clock)
        other.over = self.over
        return other

    def _turn(self, ask: Ask, number: int) -> Permit | Denied:
        def ask_in_calm() -> Permit | Denied:
            if not is_calm(self.deps):
                raise LeftAlone("the circuit breaker is not closed: Cal.com is left alone")
            self._renew_audit()
            return ask()

        self.pause(self._next_at - self.clock())
        permit = super()._turn(ask_in_calm, number)
        self._next_at = self.clock() + spacing(self.deps)
        return permit

    def _rest(self, seconds: float) -> None:
        """Wait, and renew the lease meanwhile."""
        ends = self.clock() + seconds
        while (left := ends - self.clock()) > 0:
            self._renew_audit()
            self._wait(min(left, _PIECE))

    def _renew_audit(self) -> None:
        with self.deps.engine.begin() as conn:
            if self.over.is_set() or not nights.renew(conn, self._audit, lease_seconds=lease(self.deps)):
                raise TakenUp


def spacing(deps: Dependencies) -> float:
    """Return the seconds between two calls of a nightly audit: a tenth of the rate limit, ours or Cal.com's."""
    settings = deps.breaker.settings
    own = settings.rate_limit if deps.caller.rate_limit is None else deps.caller.rate_limit
    limits = own, deps.breaker.view.status(account=deps.caller).limit_told
    return _SHARE * settings.rate_window / min(filter(None, limits), default=CALCOM_RATE)


def lease(deps: Dependencies) -> float:
    """Return the seconds of a nightly audit's lease: a call of full length, and a margin."""
    return deps.timings.lease + _LEASE_MARGIN


def is_calm(deps: Dependencies) -> bool:
    """Return whether Redis answers, Cal.com's breaker is closed, and neither our key nor our settings are refused."""
    status = deps.breaker.view.status(account=deps.caller)
    refused = deps.calcom.key_fingerprint in status.blocked_keys
    wrong = deps.calcom.settings_fingerprint in status.wrong_settings
    return status.shared and status.state is State.CLOSED and not (refused or wrong)
