"""Write the body that cancels a booking or one seat of it, and read the answer ("Cancelling", docs/calcom.md)."""

import re
from dataclasses import replace
from typing import Any

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import object_of, parse, read_booking
from tasks.calcom.failures import read_failure
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter

_CANCELLED_BEFORE = re.compile("has been cancelled already|has already been cancelled")  # about a booking; about a seat
_RACED = "Invalid Query"  # Cal.com answers 404 although the booking is cancelled (2 of 15, seen)
_WANTS_REASON = "Cancellation reason is required"
_UNREADABLE = Reply(
    kind=ReplyKind.UNKNOWN,
    outcome=CallOutcome.FAILURE_ENDPOINT,
    error_type=ErrorType.UNREADABLE,
    message="Cal.com answered 200, but does not show the booking as cancelled",
    http_status=200,
    settle_after=SettleAfter.ANSWERED,
)


def cancel_body(seat_uid: str | None, reason: str | None) -> dict[str, Any]:
    """Return the JSON body that cancels one seat, or the whole booking if `seat_uid` is None.

    Give a `reason` for a seat only if Cal.com demands it (`wants_reason`): some versions refuse it.
    """
    body = {"seatUid": seat_uid, "cancellationReason": reason}
    return {name: value for name, value in body.items() if value is not None}


def wants_reason(reply: Reply | None) -> bool:
    """Return whether Cal.com refused to cancel because no reason was given."""
    return reply is not None and reply.kind is ReplyKind.REFUSED and reply.message.startswith(_WANTS_REASON)


def read_cancel(answer: Answer | NoAnswer, *, seat_uid: str | None) -> Reply | None:
    """Return why the booking or the seat may still be there; None: it is cancelled, now or earlier.

    UNKNOWN: it may be cancelled, and only the list shows whether it is.
    """
    failure = read_failure(answer)
    if failure is None and isinstance(answer, Answer):
        return None if _shows_end(answer.body, seat_uid) else _UNREADABLE
    if failure is None or failure.kind is not ReplyKind.REFUSED:
        return failure
    if failure.message.startswith(_RACED):
        return replace(failure, kind=ReplyKind.UNKNOWN)
    return None if _CANCELLED_BEFORE.search(failure.message) else failure


def _shows_end(body: bytes, seat_uid: str | None) -> bool:
    """Return whether a 200 shows the booking as cancelled, or without the seat."""
    booking = read_booking(object_of(parse(body)).get("data"))
    if booking is None or booking.cancelled or seat_uid is None:
        return booking is not None and booking.cancelled
    return seat_uid not in {attendee.seat_uid for attendee in booking.attendees}
