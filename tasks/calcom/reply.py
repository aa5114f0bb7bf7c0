"""What an answer of Cal.com can mean (the table "What an answer means" in docs/calcom.md)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resilience.circuit_breaker.types import CallOutcome
from resilience.error_types import ErrorType

__all__ = ["ErrorType", "Reply", "ReplyKind", "SettleAfter"]


class ReplyKind(StrEnum):
    """What an answer to a POST means for its booking; `tasks.work.decisions` turns each kind into a move."""

    BOOKED = "booked"  # the booking is ours: `uid` (and `seat_uid` for seats, `series_uid` for a series)
    EXISTING_BOOKING = "anothers"  # `uid` was there before, and does not show our reference
    UNKNOWN = "unknown"  # perhaps booked: look it up before the next POST
    NOT_SENT = "not_sent"  # certainly no byte was sent: a transient failure
    THROTTLED = "throttled"  # 429: not booked; wait for `retry_after`
    TAKEN = "taken"  # taken, outside the schedule, or a fault of Cal.com's (`ask_slots`: slots decide)
    SIGNED_UP = "signed_up"  # this address has a seat of the slot already, perhaps our own
    FULL = "full"  # no seat of the slot is left
    BOUNDS = "bounds"  # too soon, or too far ahead
    EVENT_TYPE_LIMIT = "limit"  # a booking limit of the event type: refused, unless an earlier POST of ours used it up
    ATTENDEE_LIMIT = "maximum"  # the attendee may have no more active bookings; `uid` is one of them, perhaps ours
    CREDENTIALS = "credentials"  # Cal.com refuses our key
    CONFIGURATION = "configuration"  # a wrong setting: URL, API version, permission
    REFUSED = "refused"  # refused for good, with Cal.com's message
    DELETED = "deleted"  # in answer to a list: Cal.com has deleted the event type


class SettleAfter(StrEnum):
    """How long Cal.com may still be working on a POST after its answer, or without one."""

    ANSWERED = "answered"  # Cal.com's application has answered and finished (CALCOM_SETTLE_ANSWERED_SECONDS)
    UNANSWERED = "unanswered"  # Cal.com may still be at work (CALCOM_SETTLE_SECONDS)
    GATEWAY = "gateway"  # 502, 503, a proxy's page: ANSWERED for a plain or collective type, else UNANSWERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Hold what an answer means for its booking, and for the circuit breaker (`outcome`).

    `message` is Cal.com's, made safe: one line, no control characters, no e-mail address or phone number, at most 500
    characters. `retry_after` is in seconds, 0 to 3600. `ask_slots`: "taken" may be a fault of Cal.com's, and the slots
    decide (row 9).

    `answered_at` is the `Date` of an answer by Cal.com's application, in whole seconds; a proxy's clock may have
    written it. `created_at` is the moment of the booking's creation, by Cal.com's clock. Both are used only to show in
    the timeline whether this POST made the booking, or an earlier one.

    For BOOKED: `awaits_host`: its host must still confirm it, or its payment is open. `event_type_id` is Cal.com's
    number of the type. `at_start` is false for a series that shows only later weeks (a round-robin series begins with
    week 2: 5 of 5, seen).

    For EXISTING_BOOKING: `other_reference` is that of the other request (None: the booking shows none).
    `is_attendee`: our address is that of the person for whom it was made, not that of a guest. `owner_hidden`: Cal.com
    does not show for whom the booking was made.
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
        """Return whether the POST may have booked, or may still book.

        A proxy's page in place of Cal.com's answer proves nothing: a firewall or a gateway may have replaced the answer
        after Cal.com has booked.
        """
        return self.kind is ReplyKind.UNKNOWN or self.settle_after is not SettleAfter.ANSWERED
