"""What an answer to a cancel or a reschedule can mean (the tables "Cancel" and "Reschedule" in docs/calcom.md)."""

from dataclasses import dataclass
from enum import StrEnum

from tasks.calcom.reply import Reply


class ChangeAnswer(StrEnum):
    """What Cal.com answered; `tasks.changes` decides what that proves about the booking."""

    # -- to both
    NOT_SENT = "not_sent"  # certainly no byte was sent
    THROTTLED = "throttled"  # 429: nothing was done; wait for `retry_after`
    CREDENTIALS = "credentials"  # Cal.com refuses our key
    CONFIGURATION = "configuration"  # Cal.com has no such path or version, or refuses the body: a wrong setting
    UNKNOWN = "unknown"  # no answer, 5xx, a proxy's page, a 2xx without a booking, or words that no row names
    PROBABLY_DONE = "probably_done"  # Cal.com answers as if nothing was done, though it mostly is
    NOT_FOUND = "not_found"  # this Cal.com shows no booking of this uid
    SEAT_GONE = "seat_gone"  # no such seat: cancelled, lost, or moved to an empty time, where it has a new uid
    # -- to a cancel
    CANCELLED = "cancelled"  # the answer shows the booking cancelled, or without the seat
    CANCELLED_BEFORE = "cancelled_before"  # not alive under this uid, and no more: the booking may have been moved
    SEAT_ELSEWHERE = "seat_elsewhere"  # the seat has joined another booking, and has kept its uid
    OVER = "over"  # the booking has ended: not cancelled
    NOT_ALLOWED = "not_allowed"  # the event type allows no cancellation: not cancelled
    FAULTY = "faulty"  # our own fault: a seat's cancel without its uid, or a cancel without a reason
    OLD_VERSION = "old_version"  # done by an older version of the API: our version header was lost
    # -- to a reschedule
    MOVED = "moved"  # our reference, or for a seat a new seat uid, at the wanted start
    OTHER_BOOKING = "other_booking"  # a 201 that shows another booking of the attendee: nothing was moved
    MOVED_BEFORE = "moved_before"  # moved already; `uid` is one of its successors
    CANCELLED_THERE = "cancelled_there"  # cancelled at Cal.com, or its host asked for another time
    ORIGINAL_GONE = "original_gone"  # the booking to be moved is not there as we know it: moved, declined, or lost
    TAKEN = "taken"  # the wanted start is not free: perhaps because of our own successor
    REFUSED = "refused"  # out of bounds, a limit, the notice, an address that has a seat: refused with its message


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReply(Reply):
    """Hold what an answer to a cancel or a reschedule means: `answer`, and all that a Reply tells the breaker.

    `uid`, `seat_uid`, `awaits_host` are those of the booking in a MOVED, `uid` is the successor in a MOVED_BEFORE.
    `settle_after` is ANSWERED or UNANSWERED: no gateway's answer ends a change early.
    """

    answer: ChangeAnswer
