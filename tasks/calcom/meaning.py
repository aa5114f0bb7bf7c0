"""The words in which an answer of Cal.com is understood (the table "What an answer means" in docs/calcom.md)."""

from dataclasses import dataclass
from enum import StrEnum

from resilience.error_types import ErrorType

__all__ = ["ErrorType", "Meaning", "Reply", "Settle", "Verdict"]


class Meaning(StrEnum):
    """Say what an answer to a POST means for its booking; `tasks.life` turns each into a move."""

    BOOKED = "booked"  # ours: `uid` (and `seat_uid` for seats)
    ANOTHERS = "anothers"  # `uid` is a booking which this attendee already had, made by another request
    UNKNOWN = "unknown"  # perhaps booked: look before the next POST
    NOT_SENT = "not_sent"  # certainly no byte left: a transient failure
    THROTTLED = "throttled"  # 429: not booked; `retry_after` says how long
    TAKEN = "taken"  # taken, outside the schedule, or Cal.com's own fault: `ask_slots` says whether slots can tell
    LIMIT = "limit"  # a booking limit of the event type: refused, unless an earlier POST of ours used it up
    CREDENTIALS = "credentials"  # Cal.com refuses our key
    CONFIGURATION = "configuration"  # we talk to the wrong thing: URL, API version, permission
    REFUSED = "refused"  # refused for good, with Cal.com's message


class Settle(StrEnum):
    """Say after what time, counted from the last byte sent, a look that finds nothing is certain."""

    NONE = "none"  # at once
    ANSWERED = "answered"  # the origin has finished (CALCOM_SETTLE_ANSWERED_SECONDS)
    UNANSWERED = "unanswered"  # the origin may still be booking (CALCOM_SETTLE_SECONDS)


class Verdict(StrEnum):
    """Say what an answer tells the circuit breaker."""

    SUCCESS = "success"  # the service is alive, whatever it said
    FAILURE_SERVICE = "failure_service"  # counts for all of Cal.com
    FAILURE_ENDPOINT = "failure_endpoint"  # counts for the endpoint called
    IGNORED = "ignored"  # says nothing about Cal.com's health


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Hold what an answer means.

    `message` is Cal.com's, made safe: one line, no control characters, no e-mail address or phone number, at most 500
    characters. `retry_after` is in seconds, 0 to 3600. `outage` is true for connect, DNS, TLS, time-out, reset,
    502-504 and 52x: failures that never make a booking fail. `ask_slots` is true when Cal.com says "taken" where it may
    mean a fault of its own, so that the slots have to tell (row 9).
    """

    meaning: Meaning
    verdict: Verdict
    error_type: ErrorType
    message: str = ""
    http_status: int | None = None
    settle: Settle = Settle.NONE
    retry_after: float | None = None
    uid: str | None = None
    seat_uid: str | None = None
    outage: bool = False
    ask_slots: bool = False
