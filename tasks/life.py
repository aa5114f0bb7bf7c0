"""What happens next to a booking: pure decisions, from a row and what Cal.com said, to one legal move.

The rules are those of docs/calcom.md ("What an answer means", "Looking for our booking"); no clock, no network and no
database is touched here, so that every rule can be read, tested and searched by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from db.appointments import Appointment
from db.lifecycle import HoldReason, Status, Strategy, strongest
from resilience.permit import Reason
from resilience.retry_policy import RetryPolicy
from tasks.calcom.look import Sighting, SightingKind, Slot
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Settle
from tasks.parts import Terms
from tasks.steps import KNOWN, In, Next, Post, cancelled_unbooked, confirmed, rejected

LOOKS = 3  # looks at 1, 2, 4 s after an unknown answer; then the row waits, held, until its settle time
PROBES_FAILED_SUSPECT = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """Decide by a retry policy, the times a booking lives by, and the fingerprints of today's key and settings."""

    policy: RetryPolicy
    terms: Terms
    key: str
    settings: str

    # -- at the claim ------------------------------------------------------------------------------------------------

    def before_post(self, row: Appointment, *, starts_in: float) -> Next | Post:
        """Return Post, or the end of a row whose outcome is known and which must not be posted any more."""
        if row.cancel_requested:
            return Next(Status.CANCELLED, "cancelled before it was posted", KNOWN)
        if starts_in <= self.terms.lead:
            return Next(
                Status.EXPIRED, "its start is too near, or past", {"last_error": "the slot's time has come"} | KNOWN
            )
        return Post()

    def not_now(self, row: Appointment, reason: Reason, *, known: bool, retry: bool) -> Next:
        """Return the hold of a booking that the breaker, or the rate limit, does not let go now.

        `known`: nothing is booked, for certain; `retry`: a look has just shown that, so the POST to come costs one.
        """
        changes = KNOWN | {"retry_count": row.retry_count + retry} if known else {}
        match reason:
            case Reason.THROTTLED:
                return Next(
                    Status.HELD, "our own rate limit is reached", {**changes, "hold_reason": HoldReason.THROTTLED}
                )
            case Reason.CREDENTIALS:
                hold = {"hold_reason": HoldReason.CREDENTIALS, "held_for": self.key}
                return Next(Status.HELD, "Cal.com refuses this key", changes | hold)
        return Next(Status.HELD, "the circuit breaker is open", changes | _met_open_breaker(row))

    def behind_others(self, row: Appointment, line: HoldReason) -> Next:
        """Return the hold of a booking that came to a worker while such as were requested earlier still wait."""
        hold = {"hold_reason": HoldReason.THROTTLED} if line is HoldReason.THROTTLED else _met_open_breaker(row)
        return Next(Status.HELD, "bookings requested earlier wait", hold)

    def not_looked(self, retry_after: float | None) -> Next:
        """Return the hold of a booking that cannot be looked at, while others may be booked: it leaves their line."""
        hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": In(retry_after or self.terms.open)}
        return Next(Status.HELD, "Cal.com's list does not answer", hold)

    def instead_of_retry(self, row: Appointment, step: Next, *, shut: bool, probe_failed: bool, blame: bool) -> Next:
        """Return a hold instead of a retry when the failure opened the breaker, or found it open.

        A hold costs no retry. A failed probe goes behind the others; the third makes the booking suspect when Cal.com
        was there and failed (`blame`), for it may be the booking itself that Cal.com chokes on. No outage does that.
        """
        if step.to is not Status.RETRYING or not (shut or probe_failed):
            return step
        changes = {
            name: value for name, value in step.changes.items() if name not in ("next_attempt_at", "retry_count")
        }
        failures = row.probe_failures + probe_failed
        changes |= {"probe_failures": failures, **_met_open_breaker(row)}
        if blame and failures >= PROBES_FAILED_SUSPECT:
            return Next(Status.HELD, "its third probe failed", {**changes, "hold_reason": HoldReason.SUSPECT})
        return Next(Status.HELD, "the circuit breaker is open", changes)

    # -- after a POST ------------------------------------------------------------------------------------------------

    def after_post(self, row: Appointment, reply: Reply, *, sent_ago: float) -> Next:
        """Return the move for `reply`; TAKEN without an earlier unknown POST is for `taken` to decide.

        `sent_ago` is how many seconds ago the first byte left.
        """
        earlier = row.sent_at is not None
        match reply.meaning:
            case Meaning.BOOKED:
                return confirmed(reply.uid, reply.seat_uid, f"Cal.com booked it ({reply.http_status})")
            case Meaning.NOT_SENT:
                return self._again(row, reply)
            case Meaning.UNKNOWN:
                return self._unknown(row, reply, sent_ago=sent_ago)
            case Meaning.THROTTLED | Meaning.CREDENTIALS | Meaning.CONFIGURATION:
                return self._held(reply)
        if earlier:  # perhaps our own booking is what refuses us: look before believing it
            refusal = {"meaning": reply.meaning.value, "message": reply.message, "uid": reply.uid}
            return self._unknown(row, reply, sent_ago=sent_ago, refusal=refusal)
        return rejected(reply.meaning, reply.message, reply.uid)

    def taken(self, row: Appointment, reply: Reply, slot: Slot) -> Next:
        """Return the move for a slot that Cal.com calls taken (row 9): a fault of Cal.com if it still offers it.

        While the slots do not answer it is not believed either: both come from the same database.
        """
        unasked = slot is Slot.UNASKED and reply.ask_slots and self._may_retry(row.retry_count, reply.error_type)
        if slot is Slot.OFFERED or unasked:
            return self._again(row, reply)
        return rejected(Meaning.TAKEN, reply.message, None)

    # -- after a look ------------------------------------------------------------------------------------------------

    def after_look(
        self, row: Appointment, sighting: Sighting, *, settled_in: float, visible: bool, slot: Slot
    ) -> Next | Post:
        """Return the move after looking for a booking whose outcome is unknown.

        `settled_in` is the seconds until the settle time when the look began (0 or less: settled); `visible` says
        whether this key has ever been seen to list a booking of the event type; `slot` is the second witness.
        """
        match sighting.kind:
            case SightingKind.FOUND:
                return confirmed(sighting.uid, sighting.seat_uid, "found at Cal.com")
            case SightingKind.MOVED:
                return confirmed(sighting.uid, sighting.seat_uid, "found at Cal.com, moved to another time")
            case SightingKind.CANCELLED:
                changes = {"calcom_booking_uid": sighting.uid, "calcom_seat_uid": sighting.seat_uid}
                return Next(Status.CANCELLED, "found at Cal.com, cancelled there", changes | KNOWN)
            case SightingKind.FAILED:
                step = self._look_failed(row, sighting.reply)
                # Why the POST failed decides on its retries; a look's own trouble must not.
                return replace(step, changes={**step.changes, "error_type": row.error_type})
        if settled_in > 0:
            return self._look_again(row, settled_in)
        if not visible:
            blind = {"hold_reason": HoldReason.BLIND_KEY, "held_for": self.key, "looks": 0}
            return Next(Status.HELD, "not listed, but this key has never listed a booking of this type", blind)
        return self._not_booked(row, slot)

    def _not_booked(self, row: Appointment, slot: Slot) -> Next | Post:
        refusal = row.refusal or {}
        meaning = Meaning(refusal["meaning"]) if refusal else None
        if meaning not in {None, Meaning.TAKEN}:
            return rejected(meaning, refusal["message"], refusal.get("uid"))
        if slot is Slot.GONE:  # slots come from the primary, the list perhaps from a replica: look a little longer
            if row.looks + 1 < LOOKS * 2:
                return self._look_again(row, settled_in=None)
            return rejected(Meaning.TAKEN, refusal.get("message", "the slot is no longer offered"), None)
        may_retry = self._may_retry(row.retry_count, row.error_type)
        if meaning is Meaning.TAKEN and (slot is Slot.UNPROVEN or (slot is Slot.UNASKED and not may_retry)):
            return rejected(Meaning.TAKEN, refusal["message"], None)
        if row.cancel_requested:
            return cancelled_unbooked()
        if not may_retry:
            return self._exhausted(row.error_type, row.last_error, KNOWN)
        return Post(retry=True)

    def _look_failed(self, row: Appointment, reply: Reply | None) -> Next:
        if reply is not None and reply.meaning in _HOLDS | {Meaning.REFUSED}:  # no customer's fault
            return self._held(reply)
        if row.looks + 1 < LOOKS:
            return self._look_again(row, settled_in=None, retry_after=reply.retry_after if reply else None)
        changes = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": In(self.terms.open), "looks": 0}
        return Next(Status.HELD, "Cal.com could not be looked at", changes | _error(reply))

    def _look_again(self, row: Appointment, settled_in: float | None, retry_after: float | None = None) -> Next:
        if settled_in is not None and row.looks + 1 >= LOOKS:
            changes = {"hold_reason": HoldReason.SETTLING, "hold_until": In(settled_in), "looks": 0}
            return Next(Status.HELD, "not listed yet; certain only at the settle time", changes)
        delay = retry_after or self._delay(row.retry_count + row.looks + 1)
        changes = {"looks": row.looks + 1, "next_attempt_at": In(delay)}
        return Next(Status.RETRYING, "not listed yet; look again", changes, retry_in=delay)

    # -- the moves ---------------------------------------------------------------------------------------------------

    def _unknown(
        self, row: Appointment, reply: Reply, *, sent_ago: float, refusal: Mapping[str, Any] | None = None
    ) -> Next:
        settle = self._settled_in(reply, sent_ago) if refusal is None else self.terms.settle_answered
        delay = reply.retry_after or self._delay(row.retry_count)
        changes = {
            "outcome_unknown": True,
            "sent_at": In(-sent_ago),
            "settle_at": In(settle),
            "looks": 0,
            "refusal": refusal,
            "next_attempt_at": In(delay),
            "resilience_strategy": strongest(row.resilience_strategy, Strategy.EXPONENTIAL_BACKOFF),
        }
        return Next(Status.RETRYING, "the outcome is unknown; look first", changes | _error(reply), retry_in=delay)

    def _settled_in(self, reply: Reply, sent_ago: float) -> float:
        match reply.settle:
            case Settle.UNANSWERED:
                return self.terms.settle_unanswered - sent_ago
            case Settle.ANSWERED:
                return self.terms.settle_answered  # it ended just now, however long ago it was sent
        return 0.0

    def _again(self, row: Appointment, reply: Reply) -> Next:
        if not self._may_retry(row.retry_count, reply.error_type):
            return self._exhausted(reply.error_type, reply.message, KNOWN | _error(reply))
        delay = reply.retry_after or self._delay(row.retry_count)
        changes = {
            "retry_count": row.retry_count + 1,
            "next_attempt_at": In(delay),
            "resilience_strategy": strongest(row.resilience_strategy, Strategy.EXPONENTIAL_BACKOFF),
        }
        return Next(Status.RETRYING, "nothing was booked; try again", changes | KNOWN | _error(reply), retry_in=delay)

    def _exhausted(self, error_type: str | None, message: str | None, changes: Mapping[str, Any]) -> Next:
        if error_type in OUTAGE:  # an outage fails nobody
            hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": In(self.terms.open)}
            return Next(Status.HELD, "retries used up while Cal.com cannot be reached", {**changes, **hold})
        return Next(Status.FAILED, "retries used up", {**changes, "last_error": message or error_type})

    def _held(self, reply: Reply) -> Next:
        match reply.meaning:
            case Meaning.THROTTLED:
                hold: dict[str, Any] = {"hold_reason": HoldReason.THROTTLED}  # the breaker keeps the time of the 429
            case Meaning.CREDENTIALS:
                hold = {"hold_reason": HoldReason.CREDENTIALS, "held_for": self.key}
            case _:
                hold = {"hold_reason": HoldReason.CONFIGURATION, "held_for": self.settings}
        return Next(Status.HELD, f"held: {reply.meaning.value}", hold | _error(reply))

    def _may_retry(self, used: int, error_type: str | None) -> bool:
        transient = self.policy.transient_errors
        status = _STATUS.get(error_type) if error_type else None
        if error_type in _NO_ANSWER and not transient.no_answer:
            return False
        return (status is None or status in transient.statuses) and self.policy.allows(used, error_type)

    def _delay(self, attempt: int) -> float:
        return self.policy.delay(attempt)


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
OUTAGE = _NO_ANSWER | {ErrorType.LEASE_LOST} | _STATUS.keys() - {ErrorType.HTTP_500}
_HOLDS = frozenset({Meaning.THROTTLED, Meaning.CREDENTIALS, Meaning.CONFIGURATION})


def _met_open_breaker(row: Appointment) -> dict[str, Any]:
    return {
        "hold_reason": HoldReason.BREAKER_OPEN,
        "circuit_breaker_open_at_booking": row.circuit_breaker_open_at_booking or In(0),
        "resilience_strategy": strongest(row.resilience_strategy, Strategy.CIRCUIT_BREAKER_OPEN),
    }


def _error(reply: Reply | None) -> dict[str, Any]:
    return {} if reply is None else {"last_error": reply.message or reply.error_type, "error_type": reply.error_type}
