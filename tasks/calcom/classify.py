"""Read the answer to a POST of a booking: the table "What an answer means" in docs/calcom.md, as pure functions."""

from dataclasses import replace
from datetime import datetime

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import Booking, object_of, parse, read_booking
from tasks.calcom.failures import UNREADABLE, failure_of, read_existing
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.http.headers import answered_at
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter

_BOOKED = Reply(kind=ReplyKind.BOOKED, outcome=CallOutcome.SUCCESS, error_type=ErrorType.NONE)  # 1
_CUT = replace(UNREADABLE, message="Cal.com has booked, but its answer cannot be read")  # 3


def read_post(
    answer: Answer | NoAnswer,
    *,
    reference: str,
    attendee: str | None = None,
    start: datetime | None = None,
) -> Reply:
    """Return what `answer` to POST /v2/bookings means for the request with `reference` in its metadata.

    `attendee` is the address in the request (`request_body.attendee_address`), `start` its start.
    """
    if isinstance(answer, Answer) and answer.status in (200, 201):
        return _read_created(answer, reference, attendee, start)
    return failure_of(answer)


def _read_created(answer: Answer, reference: str, attendee: str | None, start: datetime | None) -> Reply:
    """Return what a 200 or 201 means: our booking, an existing one, or neither for certain (rows 1 to 3)."""
    content = None if answer.truncated else parse(answer.body)
    data = object_of(content).get("data")
    entries = data if isinstance(data, list) else [data]  # recurring types answer with one entry for each week
    bookings = [booking for entry in entries if (booking := read_booking(entry)) is not None]
    ours = [booking for booking in bookings if booking.seat_uid or reference in booking.marks]
    if ours:
        here = next((booking for booking in ours if booking.is_at(start)), None)
        reply = replace(_booked(here or ours[0], reference), at_start=here is not None or ours[0].series_uid is None)
    elif content is None or (answer.status == 201 and not bookings):
        # The answer is cut, empty, or a proxy's: Cal.com may still be at work
        return replace(_CUT, http_status=answer.status, settle_after=SettleAfter.UNANSWERED)
    elif answer.status == 201:
        reply = next((found for other in bookings if (found := read_existing(other, attendee)) is not None), _CUT)
    else:
        return failure_of(answer)
    return replace(reply, http_status=answer.status, answered_at=answered_at(answer.headers))


def _booked(booking: Booking, reference: str) -> Reply:
    """Return the reply for our booking; a `seatUid` at the top level always belongs to this POST (62 of 62, seen)."""
    return replace(
        _BOOKED,
        uid=booking.uid,
        seat_uid=booking.seat_uid or booking.marks.get(reference),
        series_uid=booking.series_uid,
        created_at=booking.created_at,
        awaits_host=booking.awaits_host,
        event_type_id=booking.event_type_id,
    )
