"""Read an answer that is not a success: rows 2 and 4 to 15 of "What an answer means" in docs/calcom.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import BookedAttendee, Booking, object_of, parse, usable
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.http.headers import answered_at
from tasks.calcom.http.waits import retry_after, throttled_for
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter
from tasks.calcom.sanitize import safe

# The rows of that table, with their numbers.
_EXISTING_BOOKING = Reply(  # 2
    kind=ReplyKind.EXISTING_BOOKING,
    outcome=CallOutcome.SUCCESS,
    error_type=ErrorType.REFUSED,
    message="this attendee already has this booking",
)
UNREADABLE = Reply(  # 3
    kind=ReplyKind.UNKNOWN,
    outcome=CallOutcome.FAILURE_ENDPOINT,
    error_type=ErrorType.UNREADABLE,
    settle_after=SettleAfter.ANSWERED,
)
_NOT_SENT = Reply(  # 4
    kind=ReplyKind.NOT_SENT, outcome=CallOutcome.FAILURE_SERVICE, error_type=ErrorType.CONNECT
)
_UNANSWERED = replace(  # 5
    _NOT_SENT, kind=ReplyKind.UNKNOWN, error_type=ErrorType.TIMEOUT, settle_after=SettleAfter.UNANSWERED
)
_BROKEN = replace(UNREADABLE, error_type=ErrorType.HTTP_500)  # 6
_PROXY = replace(_UNANSWERED, settle_after=SettleAfter.GATEWAY)  # 7
_THROTTLED = Reply(kind=ReplyKind.THROTTLED, outcome=CallOutcome.THROTTLED, error_type=ErrorType.THROTTLED)  # 8
_TAKEN = Reply(  # 9
    kind=ReplyKind.TAKEN,
    outcome=CallOutcome.SUCCESS,
    error_type=ErrorType.TAKEN,
    settle_after=SettleAfter.ANSWERED,
    ask_slots=True,
)
_FULL = replace(_TAKEN, kind=ReplyKind.FULL, ask_slots=False)  # 9: slots prove nothing about seats
_SIGNED_UP = replace(_FULL, kind=ReplyKind.SIGNED_UP)
_DATABASE = replace(_BROKEN, error_type=ErrorType.DATABASE)  # 10
_LIMIT = replace(_FULL, kind=ReplyKind.EVENT_TYPE_LIMIT, error_type=ErrorType.LIMIT)  # 11
_ATTENDEE_LIMIT = replace(_LIMIT, kind=ReplyKind.ATTENDEE_LIMIT)
_CREDENTIALS = Reply(  # 12
    kind=ReplyKind.CREDENTIALS, outcome=CallOutcome.CREDENTIALS, error_type=ErrorType.CREDENTIALS
)
CONFIGURATION = Reply(  # 13: by Cal.com itself, before any work
    kind=ReplyKind.CONFIGURATION, outcome=CallOutcome.CONFIGURATION, error_type=ErrorType.CONFIGURATION
)
PAGE = replace(CONFIGURATION, settle_after=SettleAfter.GATEWAY)  # 13: by a proxy; Cal.com may have worked behind it
_REFUSED = replace(_FULL, kind=ReplyKind.REFUSED, error_type=ErrorType.REFUSED)  # 14
_BOUNDS = replace(_REFUSED, kind=ReplyKind.BOUNDS)
_NO_EVENT_TYPE = replace(_REFUSED, error_type=ErrorType.NO_EVENT_TYPE)
_ANYTHING_ELSE = replace(_BROKEN, error_type=ErrorType.HTTP_OTHER)  # 15

_NOTHING_SENT = {  # nothing was sent because we decided so; in row 4 the network failed
    ErrorType.LEASE_LOST: replace(_NOT_SENT, outcome=CallOutcome.IGNORED),
    ErrorType.CREDENTIALS: _CREDENTIALS,  # no key is set
}
_SERVER_ERRORS = {
    500: _BROKEN,
    502: replace(_PROXY, error_type=ErrorType.HTTP_502),
    503: replace(_PROXY, error_type=ErrorType.HTTP_503),
    504: replace(_UNANSWERED, error_type=ErrorType.HTTP_504),
    **dict.fromkeys(range(520, 530), replace(_UNANSWERED, error_type=ErrorType.HTTP_52X)),
}
_OF_A_PROXY = frozenset({408, 421, 425})  # without JSON these are a proxy's, about the connection, not our settings
_NAMED = re.compile(r"reschedule your existing booking \(([^()]+)\)")

# What a 4xx in one of Cal.com's shapes means, by its status and message: the first row that fits counts.
_REFUSALS = (
    (400, "^An error occurred while querying the database", _DATABASE),
    (400, "^(User either already has booking at this time or is not available|One of the hosts)", _TAKEN),
    (400, "^The event type can't be booked at the", _BOUNDS),
    (400, "maximum number of active bookings has been reached", _ATTENDEE_LIMIT),
    (400, "", _REFUSED),
    (401, r"^(booking|duration)_limit_reached\Z", _LIMIT),
    (401, r"^(ApiAuthStrategy -|CustomThrottlerGuard - Invalid API Key|Invalid Access Token\.)", _CREDENTIALS),
    (401, "^checkBookingRequiresAuthentication", _REFUSED),  # a type for guests who log in
    (403, r"^Forbidden resource\Z", PAGE),  # the default of NestJS's guards: perhaps a gateway's
    (403, "^PermissionsGuard", CONFIGURATION),
    (403, "", _REFUSED),
    (404, "^Cannot [A-Z]+ ", CONFIGURATION),
    (404, "^(Event type|User|Team|Organization) with .+ not found", _NO_EVENT_TYPE),  # by number; by slug
    (404, "", _REFUSED),
    (409, "^already_signed_up_for_this_booking_error", _SIGNED_UP),
    (409, "^No more seats left", _FULL),
    (409, "", _TAKEN),
    (422, "", _REFUSED),
)


def read_failure(answer: Answer | NoAnswer) -> Reply | None:
    """Return the failure of a read; None: the answer is a complete 200."""
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return failure_of(answer)
    return replace(UNREADABLE, http_status=200, message="the answer was cut short") if answer.truncated else None


def read_content(answer: Answer | NoAnswer) -> Mapping[str, Any] | Reply:
    """Return the JSON object of a complete 200, or the reply that says why there is none."""
    if isinstance(answer, NoAnswer):
        return _read_no_answer(answer)
    if (failure := read_failure(answer)) is not None:
        return failure
    content = parse(answer.body)
    if not isinstance(content, dict):
        return replace(CONFIGURATION, http_status=200, message="not JSON: wrong URL?")
    return content


def failure_of(answer: Answer | NoAnswer) -> Reply:
    """Return the reply for an answer without the requested content."""
    if isinstance(answer, NoAnswer):
        return _read_no_answer(answer)
    error = ErrorBody.of(answer)
    row = _row(answer, error)
    finished = error is not None and answer.status <= 500 and error.known_shape
    if row is _THROTTLED:
        wait = throttled_for(answer.headers)
    else:
        wait = retry_after(answer.headers) if answer.status >= 500 else None
    if row.kind is ReplyKind.UNKNOWN and row.settle_after is SettleAfter.ANSWERED and not finished:
        # This answer is not from Cal.com, and Cal.com may still be at work
        row = replace(row, settle_after=SettleAfter.UNANSWERED)
    return replace(
        row,
        http_status=answer.status,
        message=_message(answer, row, error),
        retry_after=wait,
        answered_at=answered_at(answer.headers) if finished else None,
        uid=_named(error) if row.kind is ReplyKind.ATTENDEE_LIMIT and error else None,
    )


def read_existing(booking: Booking, attendee: str | None) -> Reply | None:
    """Return the reply for a 201 with an existing booking; None: it may be ours, though it lacks our reference.

    For a seated type only `"seatUid": ""` shows that this POST made no seat: a lagging replica omits our seat.
    """
    reply = replace(_EXISTING_BOOKING, uid=booking.uid, series_uid=booking.series_uid, created_at=booking.created_at)
    if not booking.seated:
        known = next(iter(booking.attendees), None)  # the first attendee is the booker, the others are guests
        reference = next(iter(booking.marks), None)
    elif booking.seat_uid is None:
        return None
    else:
        known = _seat_of(booking, attendee)
        reference = None if known is None else known.reference
    is_attendee = attendee is not None and known is not None and known.email == attendee
    owner_hidden = booking.seated and not booking.attendees
    return replace(reply, other_reference=reference, is_attendee=is_attendee, owner_hidden=owner_hidden)


def _seat_of(booking: Booking, attendee: str | None) -> BookedAttendee | None:
    return next((seat for seat in booking.attendees if seat.seat_uid and seat.email == attendee), None)


def _row(answer: Answer, error: "ErrorBody | None") -> Reply:
    status = answer.status
    if status == 429:
        return _THROTTLED
    if status == 200 or 300 <= status < 400:
        return PAGE
    if 400 <= status < 500 and not answer.truncated:
        if error is not None:
            return _read_refusal(status, error)
        return _ANYTHING_ELSE if status in _OF_A_PROXY else PAGE
    return _SERVER_ERRORS.get(status, _ANYTHING_ELSE)


def _read_no_answer(answer: NoAnswer) -> Reply:
    kind = ErrorType(answer.error_type)
    row = _UNANSWERED if answer.sent else _NOTHING_SENT.get(kind, _NOT_SENT)
    return replace(row, error_type=kind, message=safe(answer.message))


def _message(answer: Answer, row: Reply, error: "ErrorBody | None") -> str:
    message = safe(error.message) if error else ""
    if row.kind is ReplyKind.CONFIGURATION and not message:
        message = f"{answer.status} is not an answer of Cal.com: a wrong URL, or a refusal by a proxy"
    if error and error.wants_other_body:
        message += ": Cal.com read the request as another API version"
    return message


def _named(error: "ErrorBody") -> str | None:
    found = _NAMED.search(error.message)
    return usable(found.group(1)) if found else None


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """Hold an error in one of Cal.com's two shapes (A, B), or in another shape (`known_shape` is false)."""

    message: str
    known_shape: bool
    wants_other_body: bool  # details.errors: the validator of another API version

    @classmethod
    def of(cls, answer: Answer) -> "ErrorBody | None":
        """Return the error in the body of `answer`; None: it is no JSON, or was cut."""
        match None if answer.truncated else parse(answer.body):
            case None:
                return None
            case {"error": {"message": str(message), **more}}:  # A
                wants_other_body = "errors" in object_of(more.get("details"))
                return cls(message, known_shape=True, wants_other_body=wants_other_body)
            case {"statusCode": _, "message": message}:  # B
                return cls(str(message), known_shape=True, wants_other_body=False)
        return cls("", known_shape=False, wants_other_body=False)


def _read_refusal(status: int, error: ErrorBody) -> Reply:
    """Return the row of the table for a 4xx with JSON, by its status and message."""
    if status == 405 or (status == 404 and not error.known_shape):
        return PAGE
    if status == 400 and error.wants_other_body:
        return CONFIGURATION
    fitting = (row for code, words, row in _REFUSALS if code == status and re.search(words, error.message))
    return next(fitting, _ANYTHING_ELSE) if error.known_shape else _ANYTHING_ELSE
