"""Read an answer to a cancel or a reschedule that is no success, by Cal.com's words: no other module compares these.

Cal.com's errors have a message and no code (docs/calcom.md, "Cancel and reschedule").
"""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import usable
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.failures import ErrorBody, failure_of
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter

_A = ChangeAnswer
Words = tuple[tuple[int, str, ChangeAnswer], ...]

_OF_BOTH: Words = (
    (404, "^Booking with uid=.* not found", _A.NOT_FOUND),
    (404, "^Invalid Query", _A.PROBABLY_DONE),
)
CANCEL: Words = (
    (400, "^Invalid seatUid: this seat does not exist", _A.SEAT_GONE),
    (400, "^Invalid seatUid: this seat does not belong", _A.SEAT_ELSEWHERE),
    (400, "has been cancelled already|has already been cancelled", _A.CANCELLED_BEFORE),  # by the replica; the primary
    (400, "is not part of a recurring booking", _A.PROBABLY_DONE),
    (400, "^Cannot cancel a booking that has already ended", _A.OVER),
    (400, "does not allow cancellations", _A.NOT_ALLOWED),
    (400, "^Cancellation reason is required", _A.FAULTY),
    (401, "^User not a host of this event", _A.FAULTY),
    *_OF_BOTH,
)
RESCHEDULE: Words = (
    (400, "rescheduled already to booking with uid=undefined", _A.CANCELLED_THERE),  # its host asked for another time
    (400, "rescheduled already to booking with uid=", _A.MOVED_BEFORE),
    (400, "because it has been cancelled|^cancelled_bookings_cannot_be_rescheduled", _A.CANCELLED_THERE),
    (400, "is a seated booking which means", _A.ORIGINAL_GONE),
    (404, "^Could not find original booking", _A.ORIGINAL_GONE),
    (404, "^Seat with uid=.* does not exist", _A.SEAT_GONE),
    *_OF_BOTH,
)
_SUCCESSOR = re.compile(r"rescheduled already to booking with uid=([^\s.]+)")

# What an answer means that has no words of its own: as for a booking's POST.
_BY_KIND = {
    ReplyKind.NOT_SENT: _A.NOT_SENT,
    ReplyKind.THROTTLED: _A.THROTTLED,
    ReplyKind.CREDENTIALS: _A.CREDENTIALS,
    ReplyKind.CONFIGURATION: _A.CONFIGURATION,
}
_RESCHEDULE_BY_KIND = _BY_KIND | {
    ReplyKind.TAKEN: _A.TAKEN,
    **dict.fromkeys(
        (
            ReplyKind.SIGNED_UP,
            ReplyKind.FULL,
            ReplyKind.BOUNDS,
            ReplyKind.EVENT_TYPE_LIMIT,
            ReplyKind.ATTENDEE_LIMIT,
            ReplyKind.REFUSED,
        ),
        _A.REFUSED,
    ),
}


def read_cancel_failure(answer: Answer | NoAnswer) -> ChangeReply:
    """Return what an answer to a cancel means that is no 200 or 201."""
    reply = failure_of(answer)
    return _by_words(answer, reply, CANCEL) or _by_kind(reply, _BY_KIND)


def read_reschedule_failure(answer: Answer | NoAnswer) -> ChangeReply:
    """Return what an answer to a reschedule means that is no 200 or 201."""
    reply = failure_of(answer)
    return _by_words(answer, reply, RESCHEDULE) or _by_kind(reply, _RESCHEDULE_BY_KIND)


def as_change(reply: Reply, answer: ChangeAnswer, **more: Any) -> ChangeReply:
    """Return `reply` with what it means for a change; no gateway's answer settles a change early."""
    values = {field.name: getattr(reply, field.name) for field in fields(reply)}
    if reply.settle_after is SettleAfter.GATEWAY:
        values["settle_after"] = SettleAfter.UNANSWERED
    return ChangeReply(**(values | more), answer=answer)


def _by_kind(reply: Reply, known: Mapping[ReplyKind, ChangeAnswer]) -> ChangeReply:
    means = known.get(reply.kind, _A.UNKNOWN)
    page = reply.kind is ReplyKind.CONFIGURATION and reply.settle_after is not SettleAfter.ANSWERED
    if page or 200 <= (reply.http_status or 0) < 300:  # in place of Cal.com's answer, which may still be at work
        return as_change(reply, _A.UNKNOWN, settle_after=SettleAfter.UNANSWERED)
    return as_change(reply, means)


def _by_words(answer: Answer | NoAnswer, reply: Reply, words: Words) -> ChangeReply | None:
    error = ErrorBody.of(answer) if isinstance(answer, Answer) else None
    if isinstance(answer, NoAnswer) or error is None or not error.known_shape:
        return None
    fitting = (means for code, text, means in words if code == answer.status and re.search(text, error.message))
    if (means := next(fitting, None)) is None:
        return None
    named = _SUCCESSOR.search(error.message) if means is _A.MOVED_BEFORE else None
    refused = replace(
        reply,
        kind=ReplyKind.UNKNOWN if means is _A.PROBABLY_DONE else ReplyKind.REFUSED,
        outcome=CallOutcome.SUCCESS,
        error_type=ErrorType.REFUSED,
        settle_after=SettleAfter.ANSWERED,
        uid=usable(named.group(1)) if named else None,
    )
    return as_change(refused, means)
