"""The words in which an answer of Cal.com is understood (the table "What an answer means" in docs/calcom.md)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resilience.circuit_breaker.types import CallOutcome
from resilience.error_types import ErrorType

__all__ = ["ErrorType", "Reply", "ReplyKind", "SettleAfter"]


class ReplyKind(StrEnum):
    """Say what an answer to a POST means for its booking; `tasks.decisions` turns each into a move."""

    BOOKED = "booked"  # ours: `uid` (and `seat_uid` for seats, `series_uid` for a series)
    EXISTING_BOOKING = "anothers"  # `uid` is a booking that was there before, and does not show our reference
    UNKNOWN = "unknown"  # perhaps booked: look before the next POST
    NOT_SENT = "not_sent"  # certainly no byte left: a transient failure
    THROTTLED = "throttled"  # 429: not booked; `retry_after` says how long
    TAKEN = "taken"  # taken, outside the schedule, or Cal.com's own fault: `ask_slots` says whether slots can tell
    SIGNED_UP = "signed_up"  # this address has a seat of the slot already, perhaps our own
    FULL = "full"  # no seat of the slot is left
    BOUNDS = "bounds"  # too soon, or too far ahead
    EVENT_TYPE_LIMIT = "limit"  # a booking limit of the event type: refused, unless an earlier POST of ours used it up
    ATTENDEE_LIMIT = "maximum"  # the attendee may have no more active bookings; `uid` is one of them, perhaps ours
    CREDENTIALS = "credentials"  # Cal.com refuses our key
    CONFIGURATION = "configuration"  # we talk to the wrong thing: URL, API version, permission
    REFUSED = "refused"  # refused for good, with Cal.com's message
    DELETED = "deleted"  # of a list: Cal.com has no such event type any more


class SettleAfter(StrEnum):
    """Say how long a POST may still be working after its answer, or the lack of one."""

    ANSWERED = "answered"  # Cal.com's application has answered: it has finished (CALCOM_SETTLE_ANSWERED_SECONDS)
    UNANSWERED = "unanswered"  # it may still be booking (CALCOM_SETTLE_SECONDS)
    GATEWAY = "gateway"  # 502, 503, a page: as answered for a plain or collective type, as unanswered for all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Hold what an answer means: to its booking, and to the circuit breaker (`outcome`).

    `message` is Cal.com's, made safe: one line, no control characters, no e-mail address or phone number, at most 500
    characters. `retry_after` is in seconds, 0 to 3600. `ask_slots` is true when Cal.com says "taken" where it may
    mean a fault of its own, so that the slots have to tell (row 9).

    `answered_at` is the answer's `Date`, in whole seconds, when Cal.com's application has answered; a proxy may have
    written it by a clock of its own. `created_at` is the booking's, by Cal.com's. The two together decide nothing: of
    our own booking they only tell the timeline whether this POST made it, or an earlier one.

    Of a BOOKED: `awaits_host` says that its host, or its payment, must confirm it still; `event_type_id` is
    Cal.com's number of the type; `at_start` is false for a series of which only later weeks are shown (that of a round
    robin begins with week 2: 5 of 5, seen).

    Of an EXISTING_BOOKING: `other_reference` is the other request's, None where the booking shows none; `is_attendee` says that
    it was made for our very address, which is not only a guest's; `owner_hidden` that Cal.com hides whose it is.
    """

    kind: ReplyKind
    outcome: CallOutcome
    error_type: ErrorType
    message: str = ""
    http_status: int | None = None
    settle_after: SettleAfter = SettleAfter.ANSWERED
    retry_after: float | None = None
    answered_at: datetime | None = None
    uid: str | None = None
    seat_uid: str | None = None
    series_uid: str | None = None
    created_at: datetime | None = None
    awaits_host: bool | None = None
    event_type_id: int | None = None
    at_start: bool = True
    other_reference: str | None = None
    is_attendee: bool = False
    owner_hidden: bool = False
    ask_slots: bool = False

    @property
    def may_have_booked(self) -> bool:
        """Return whether its POST may have booked, or may still.

        A page in place of Cal.com's answer proves nothing: a firewall may withhold that answer, and a gateway may give
        up, after Cal.com has worked.
        """
        return self.kind is ReplyKind.UNKNOWN or self.settle_after is not SettleAfter.ANSWERED
