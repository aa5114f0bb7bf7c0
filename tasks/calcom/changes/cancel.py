"""Write the body that cancels a booking, a seat or the rest of a series, and read the answer.

See "Cancel and reschedule" in docs/calcom.md.
"""

from dataclasses import replace
from typing import Any

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import list_of, object_of, parse, read_booking
from tasks.calcom.changes.refusals import as_change, read_cancel_failure
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.failures import CONFIGURATION, UNREADABLE
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter

_DONE = Reply(kind=ReplyKind.BOOKED, outcome=CallOutcome.SUCCESS, error_type=ErrorType.NONE, http_status=200)
_STILL_SHOWN = replace(
    _DONE,
    kind=ReplyKind.UNKNOWN,
    error_type=ErrorType.UNREADABLE,
    message="Cal.com answered 200, but does not show the booking as cancelled",
)
NOT_THERE = frozenset({ChangeAnswer.CANCELLED, ChangeAnswer.CANCELLED_BEFORE, ChangeAnswer.SEAT_GONE})
"""Answers after which the uid or the seat that a cancel named is not alive."""


def cancel_body(reason: str, *, seat_uid: str | None = None, subsequent: bool = False) -> dict[str, Any]:
    """Return the JSON body that cancels a booking, or one seat of it.

    The reason is never left out, and must not be blank: with a host's key, and for some event types, Cal.com refuses a
    cancel without it. `subsequent`: the booking is a week of a series, and all weeks after it are cancelled as well.
    """
    body: dict[str, Any] = {"cancellationReason": reason}
    if seat_uid is not None:
        body["seatUid"] = seat_uid
    if subsequent:
        body["cancelSubsequentBookings"] = True
    return body


def read_cancel(answer: Answer | NoAnswer, *, seat_uid: str | None) -> ChangeReply:
    """Return what the answer to a cancel means; `seat_uid` as in the body.

    PROBABLY_DONE: a replica that lags still shows the booking as it was before.
    """
    if isinstance(answer, NoAnswer) or answer.status not in (200, 201):
        return read_cancel_failure(answer)
    if answer.status == 201:
        message = "cancelled by an older version of the API: the version header was lost"
        return as_change(CONFIGURATION, ChangeAnswer.OLD_VERSION, http_status=201, message=message)
    data = None if answer.truncated else object_of(parse(answer.body)).get("data")
    bookings = [read_booking(entry) for entry in list_of(data) or [data]]
    if None in bookings:
        message = "Cal.com answered 200, but shows no booking"
        unanswered = SettleAfter.UNANSWERED
        return as_change(UNREADABLE, ChangeAnswer.UNKNOWN, http_status=200, settle_after=unanswered, message=message)
    cancelled = all(
        booking is not None
        and (booking.cancelled or (seat_uid and seat_uid not in {one.seat_uid for one in booking.attendees}))
        for booking in bookings
    )
    return (
        as_change(_DONE, ChangeAnswer.CANCELLED) if cancelled else as_change(_STILL_SHOWN, ChangeAnswer.PROBABLY_DONE)
    )
