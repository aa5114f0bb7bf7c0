"""Cancel a booking, or one seat of it: the body, and what the answer means ("Cancelling", docs/calcom.md)."""

import re
from dataclasses import replace
from typing import Any

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import object_of, parse, read_booking
from tasks.calcom.failures import read_failure
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter

_CANCELLED_BEFORE = re.compile("has been cancelled already|has already been cancelled")  # a booking; a seat
_RACED = "Invalid Query"  # 404, though it is done (2 of 15, seen)
_WANTS_REASON = "Cancellation reason is required"
_UNREADABLE = Reply(
    kind=ReplyKind.UNKNOWN,
    outcome=CallOutcome.FAILURE_ENDPOINT,
    error_type=ErrorType.UNREADABLE,
    message="cancelled, says Cal.com, but its answer does not show it",
    http_status=200,
    settle_after=SettleAfter.ANSWERED,
)


def cancel_body(seat_uid: str | None, reason: str | None) -> dict[str, Any]:
    """Return the JSON body: with a seat's uid only that seat goes, without one the whole booking.

    A seat's `reason` is given only when Cal.com asks for it (`wants_reason`): some versions refuse it, some demand it.
    """
    body = {"seatUid": seat_uid, "cancellationReason": reason}
    return {name: value for name, value in body.items() if value is not None}


def wants_reason(reply: Reply | None) -> bool:
    """Return whether nothing was cancelled because no reason was given."""
    return reply is not None and reply.kind is ReplyKind.REFUSED and reply.message.startswith(_WANTS_REASON)


def read_cancel(answer: Answer | NoAnswer, *, seat_uid: str | None) -> Reply | None:
    """Return why the booking (or the seat) may still be there; None when it is cancelled, now or before.

    UNKNOWN means that it may be cancelled: only the list can tell.
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
    """Return whether the booking in an answer of 200 is over, or is there without the seat."""
    booking = read_booking(object_of(parse(body)).get("data"))
    if booking is None or booking.cancelled or seat_uid is None:
        return booking is not None and booking.cancelled
    return seat_uid not in {attendee.seat_uid for attendee in booking.attendees}
