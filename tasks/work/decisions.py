"""Decide what happens next to a booking: pure functions from a row and a reply of Cal.com to one legal move.

The rules are those of docs/calcom.md ("What an answer means"). No clock, network or database is used here, so that each
rule can be tested by itself. The moves after an unknown outcome are in `tasks.attempts.outcome`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from booking_client.states import LINE
from db.appointments import Appointment, FromNow
from db.changes.change import BookingChange
from db.lifecycle import PROBES_BEFORE_REST, HoldReason, Status, Strategy, strongest
from resilience.circuit_breaker.types import Reason
from resilience.retry_policy import RetryPolicy
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.dependencies import Timings
from tasks.work.moves import KNOWN, Move, Posted, Proceed

TRY_AGAIN = 60.0  # seconds; the pause of a booking that another server answered, or whose event type is missing
TRY_AGAIN_LATEST = 3600.0  # seconds; the pause doubles up to this
LOOKUPS = 3  # at 1, 2, 4 s after an unknown answer; then the row is held until its settle time ends
LOOKUPS_IN_ALL = 6  # including failed lookups: an error rate of a few percent must hold no booking
LONGEST_REST = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class BookingDecisions:
    """Decide by the retry policy, the timings, and the fingerprints of the present key and settings."""

    policy: RetryPolicy
    timings: Timings
    key: str
    settings: str

    # -- at the claim ------------------------------------------------------------------------------------------------

    def not_now(self, row: Appointment | BookingChange, reason: Reason, allowed: Proceed | None = None) -> Move:
        """Return the hold of a booking whose call the breaker or the rate limit denied.

        `allowed` is the POST that was denied (None: a lookup was denied). If it is certain that nothing is booked, the
        row says so.
        """
        columns = KNOWN | {"retry_count": row.retry_count + allowed.retry} if allowed and allowed.known else {}
        hold = HoldReason(reason.value)
        return Move(Status.HELD, _DENIED[reason], columns | self._hold(row, hold), facts={"denied_for": hold.value})

    def behind_others(self, backlog: HoldReason) -> Move:
        """Return the hold of a booking that reached a worker while older requests are still held: it is in line."""
        return Move(Status.HELD, "bookings requested earlier wait", {"hold_reason": backlog, "held_for": LINE})

    def beside_seats(self, row: Appointment | BookingChange, *, unclear: bool) -> Move:
        """Return the retry of what would meet a seat of its time on the way (`db.changes.seats`).

        `unclear`: the outcome of that is unknown, and lasts longer.
        """
        delay = self.policy.delay(2 if unclear else 0)
        return self.retry(row, "another seat of that time is given up or taken just now", {}, delay, posted=None)

    def lookup_unavailable(self, row: Appointment | BookingChange, opens_in: float | None) -> Move:
        """Return the hold of a booking that cannot be looked up while others may be posted; it leaves the line.

        `opens_in`: how many seconds OPEN still lasts; None: another lookup is the probe now, and may last long.
        """
        wait = self.timings.open if opens_in is None else self.before_start(row, opens_in)
        hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(wait)}
        return Move(Status.HELD, "Cal.com's list does not answer", hold)

    # -- after a call ------------------------------------------------------------------------------------------------

    def again(
        self, row: Appointment | BookingChange, error_type: str, message: str, posted: Posted | None = None
    ) -> Move:
        """Return the retry of a booking that is certainly not booked, or its end if the retries are used up."""
        went_wrong = {"last_error": message or error_type, "error_type": error_type}
        if not self.may_retry(row.retry_count, error_type):
            return self.exhausted(row, error_type, message, KNOWN | went_wrong)
        strategy = strongest(row.resilience_strategy, Strategy.EXPONENTIAL_BACKOFF)
        columns = {"resilience_strategy": strategy} | KNOWN | went_wrong
        delay = self.policy.delay(row.retry_count)
        why, used = "nothing was booked; try again", row.retry_count + 1
        return self.retry(row, why, columns, delay, posted=posted, used=used)

    def retry(
        self,
        row: Appointment | BookingChange,
        why: str,
        columns: Mapping[str, Any],
        delay: float,
        *,
        posted: Posted | None,
        used: int | None = None,
    ) -> Move:
        """Return the retry of a booking in `delay` seconds, or its hold if its POST left the breaker blocking.

        `posted` is the result of that POST (None: no POST is the reason). `used` is the `retry_count` after a retry
        (None: unchanged); a hold costs no retry. A failed probe goes to the end of the line. From the third failed
        probe in a row that Cal.com itself answered, the booking rests for 2, 4, 8 ... times OPEN, so that others are
        tried: Cal.com may fail at this very booking. The pause or rest ends before the booking's start. Retry-After is
        left to the breaker. A change whose own endpoint alone is blocked waits by itself.
        """
        if posted is None or not (posted.blocked or posted.failed_probe):
            cost, delay = {} if used is None else {"retry_count": used}, self.before_start(row, delay)
            return Move(Status.RETRYING, why, {**columns, **cost, "next_attempt_at": FromNow(delay)}, retry_in=delay)
        if posted.others_go and isinstance(row, BookingChange):  # in the line it would hold bookings
            rest = self.before_start(row, self.timings.open)
            hold = {**columns, "hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(rest)}
            return Move(Status.HELD, "Cal.com answers no such calls", hold)
        hold = {**columns, **self._hold(row, HoldReason.BREAKER_OPEN)}
        if posted.blamed and row.probe_failures + 1 >= PROBES_BEFORE_REST:
            times = 2 ** min(row.probe_failures + 2 - PROBES_BEFORE_REST, 16)
            rest = self.before_start(row, min(self.timings.open * times, LONGEST_REST))
            hold |= {"hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(rest)}
            return Move(Status.HELD, "its probes fail; it pauses", hold)
        return Move(Status.HELD, "the circuit breaker is open", hold)

    def exhausted(
        self, row: Appointment | BookingChange, error_type: str | None, message: str | None, columns: Mapping[str, Any]
    ) -> Move:
        """Return the end of a booking whose retries are used up."""
        if self.is_spared(row, error_type):
            hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(self.timings.open)}
            return Move(Status.HELD, "retries used up while Cal.com cannot be reached", {**columns, **hold})
        return Move(Status.FAILED, "retries used up", {**columns, "last_error": message or error_type})

    def is_spared(self, row: Appointment | BookingChange, error_type: str | None) -> bool:
        """Return whether `error_type` must not fail the booking now: outages never do, faults of Cal.com's only later.

        Without this rule a lone booking would fail: it makes too few calls to open the breaker, which would hold it.
        """
        asked_ago = (row.updated_at - row.requested_at).total_seconds()
        return error_type in OUTAGE or (error_type in FAULTS and asked_ago < self.timings.wait_for_proof)

    def before_start(self, row: Appointment | BookingChange, pause: float) -> float:
        """Return `pause`, shortened so that it ends before the start is too near (unchanged if it is too near now)."""
        left = (row.start_at - row.updated_at).total_seconds() - self.timings.lead - self.timings.margin
        return min(pause, left) if left > 0 else pause

    def held(self, row: Appointment | BookingChange, reply: Reply) -> Move:
        """Return the hold of a booking whose call met a rate limit, a refused key, or another server.

        A harmless call finds out when that is over. If another server than Cal.com's API answers one booking alone,
        this booking waits longer each time: otherwise it would use up a call of the limit each minute.
        """
        reason = _HELD_FOR.get(reply.kind, HoldReason.CONFIGURATION)
        hold = self._hold(row, reason)
        if reason is HoldReason.CONFIGURATION:
            hold["hold_until"] = self._try_again(row)
        return Move(Status.HELD, _BECAUSE[reason], hold | error(reply))

    def no_event_type(self, row: Appointment | BookingChange, message: str) -> Move:
        """Return the hold of a booking whose event type has disappeared from Cal.com, until it is found again.

        An operator's error (another Cal.com, a type that was moved or deleted) must refuse no customer. The pause does
        not grow, since a lookup of the type decides when the hold ends.
        """
        why = "held: Cal.com has no such event type, and had it before"
        hold = self._hold(row, HoldReason.CONFIGURATION) | {"hold_until": FromNow(self.before_start(row, TRY_AGAIN))}
        return Move(Status.HELD, why, KNOWN | hold | {"last_error": message, "error_type": ErrorType.NO_EVENT_TYPE})

    def _try_again(self, row: Appointment | BookingChange) -> FromNow:
        """Return when to try a booking again that another server answered; the pause doubles each time."""
        met = max(row.posts - row.retry_count, 0)  # POSTs that another server answered: they cost no retry
        return FromNow(self.before_start(row, min(TRY_AGAIN * 2 ** min(met, 10), TRY_AGAIN_LATEST)))

    def _hold(self, row: Appointment | BookingChange, reason: HoldReason) -> dict[str, Any]:
        """Return the columns of a hold that ends with the state of the breaker or the limit, or with other settings."""
        hold: dict[str, Any] = {"hold_reason": reason}  # after a 429 the breaker knows when the hold ends
        match reason:
            case HoldReason.BREAKER_OPEN:
                hold["circuit_breaker_open_at_booking"] = row.circuit_breaker_open_at_booking or FromNow(0)
                hold["resilience_strategy"] = strongest(row.resilience_strategy, Strategy.CIRCUIT_BREAKER_OPEN)
            case HoldReason.CREDENTIALS:
                hold["held_for"] = self.key
            case HoldReason.CONFIGURATION:
                hold["held_for"] = self.settings
                if row.error_type == ErrorType.NO_EVENT_TYPE:  # left by an earlier hold; other settings end this hold
                    hold["error_type"] = ErrorType.CONFIGURATION
        return hold

    def may_retry(self, used: int, error_type: str | None) -> bool:
        """Return whether the policy allows one more retry after `used`, for this error type."""
        transient = self.policy.transient_errors
        status = _STATUS.get(error_type) if error_type else None
        if error_type in _NO_ANSWER and not transient.no_answer:
            return False
        return (status is None or status in transient.statuses) and self.policy.allows(used, error_type)


_NO_ANSWER: frozenset[str] = frozenset(
    {ErrorType.TIMEOUT, ErrorType.CONNECT, ErrorType.DNS, ErrorType.TLS, ErrorType.RESET}
)
_STATUS: dict[str, int] = {
    ErrorType.HTTP_500: 500,
    ErrorType.HTTP_502: 502,
    ErrorType.HTTP_503: 503,
    ErrorType.HTTP_504: 504,
    ErrorType.HTTP_52X: 520,
}
OUTAGE = (
    _NO_ANSWER
    | {ErrorType.LEASE_LOST, ErrorType.CONFIGURATION, ErrorType.NO_EVENT_TYPE}
    | _STATUS.keys() - {ErrorType.HTTP_500}
)
FAULTS = frozenset({ErrorType.HTTP_500, ErrorType.HTTP_OTHER, ErrorType.DATABASE, ErrorType.UNREADABLE})
_HELD_FOR = {ReplyKind.THROTTLED: HoldReason.THROTTLED, ReplyKind.CREDENTIALS: HoldReason.CREDENTIALS}
_BECAUSE = {
    HoldReason.THROTTLED: "Cal.com's limit of calls is reached",
    HoldReason.CREDENTIALS: "Cal.com refuses this key",
    HoldReason.CONFIGURATION: "the answer is not from Cal.com's API",
}
_DENIED = {
    Reason.BREAKER_OPEN: "the circuit breaker is open",
    Reason.THROTTLED: "our own rate limit is reached",
    Reason.CREDENTIALS: "Cal.com refuses this key",
    Reason.CONFIGURATION: "the answer is not from Cal.com's API",
}


def error(reply: Reply | None) -> dict[str, Any]:
    """Return the error columns that a row gets for a reply."""
    return {} if reply is None else {"last_error": reply.message or reply.error_type, "error_type": reply.error_type}
