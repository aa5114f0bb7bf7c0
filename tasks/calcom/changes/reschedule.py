"""Write the body that moves a booking or a seat to another start, and read the answer.

See "Cancel and reschedule" in docs/calcom.md.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import Booking, list_of, object_of, parse, read_booking
from tasks.calcom.changes.refusals import as_change, read_reschedule_failure
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.failures import UNREADABLE
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter
from tasks.calcom.request_body import instant

_MOVED = Reply(kind=ReplyKind.BOOKED, outcome=CallOutcome.SUCCESS, error_type=ErrorType.NONE)
_OTHER = replace(_MOVED, kind=ReplyKind.EXISTING_BOOKING, error_type=ErrorType.REFUSED)
# Without our key the answer says nothing about our key: not that it is refused, nor that its limit is reached.
_ABOUT_THE_KEY = frozenset({ChangeAnswer.THROTTLED, ChangeAnswer.CREDENTIALS})


def reschedule_body(start: datetime, *, reason: str, seat_uid: str | None = None) -> dict[str, Any]:
    """Return the JSON body that moves a booking, or one seat of it, to `start`; a seat's body must have no reason."""
    body = {"start": instant(start)}
    return body | ({"reschedulingReason": reason} if seat_uid is None else {"seatUid": seat_uid})


def read_reschedule(
    answer: Answer | NoAnswer, *, reference: str, start: datetime, seat: bool = False, keyless: bool = False
) -> ChangeReply:
    """Return what the answer to a reschedule of the booking with `reference` to `start` means.

    `keyless`: the call was made without our key.
    """
    reply = _read(answer, reference, start, seat=seat)
    if keyless and reply.answer in _ABOUT_THE_KEY:
        return replace(reply, outcome=CallOutcome.IGNORED)
    return reply


def _read(answer: Answer | NoAnswer, reference: str, start: datetime, *, seat: bool) -> ChangeReply:
    if isinstance(answer, NoAnswer) or answer.status not in (200, 201):
        return read_reschedule_failure(answer)
    data = None if answer.truncated else object_of(parse(answer.body)).get("data")
    booking = read_booking(next(iter(list_of(data)), data))
    if booking is None:
        message = "Cal.com has probably moved the booking, but its answer cannot be read"
        more = {"http_status": answer.status, "settle_after": SettleAfter.UNANSWERED, "message": message}
        return as_change(UNREADABLE, ChangeAnswer.UNKNOWN, **more)
    moved = booking.is_at(start) and (bool(booking.seat_uid) if seat else reference in booking.marks)
    reply = replace(
        _MOVED if moved else _OTHER,
        http_status=answer.status,
        uid=booking.uid,
        seat_uid=_seat_uid(booking, reference) if moved else None,
        series_uid=booking.series_uid,
        awaits_host=booking.awaits_host,
        event_type_id=booking.event_type_id,
    )
    return as_change(reply, ChangeAnswer.MOVED if moved else ChangeAnswer.OTHER_BOOKING)


def _seat_uid(booking: Booking, reference: str) -> str | None:
    """Return the uid of the moved seat: a replica that lags shows the attendees without it."""
    return booking.seat_uid or booking.marks.get(reference)
