"""Read what an answer of Cal.com means: the table "What an answer means" in docs/calcom.md, as pure functions."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.bookings import Booking, parse, read_booking, read_instant
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Settle, Verdict
from tasks.calcom.said import safe
from tasks.calcom.waits import retry_after, throttled_for

__all__ = ["ErrorType", "Meaning", "Page", "Reply", "Settle", "Verdict", "read_list", "read_post", "read_slots"]

# The rows of the table; the numbers are its own.
_BOOKED = Reply(meaning=Meaning.BOOKED, verdict=Verdict.SUCCESS, error_type=ErrorType.NONE)  # 1
_ANOTHERS = replace(_BOOKED, meaning=Meaning.ANOTHERS, error_type=ErrorType.REFUSED)  # 2
_UNREADABLE = Reply(  # 3
    meaning=Meaning.UNKNOWN,
    verdict=Verdict.FAILURE_ENDPOINT,
    error_type=ErrorType.UNREADABLE,
    settle=Settle.ANSWERED,
)
_NOT_SENT = Reply(  # 4
    meaning=Meaning.NOT_SENT, verdict=Verdict.FAILURE_SERVICE, error_type=ErrorType.CONNECT, outage=True
)
_UNANSWERED = replace(  # 5
    _NOT_SENT, meaning=Meaning.UNKNOWN, error_type=ErrorType.TIMEOUT, settle=Settle.UNANSWERED
)
_BROKEN = replace(_UNREADABLE, error_type=ErrorType.HTTP_500)  # 6
_PROXY = replace(_UNANSWERED, settle=Settle.NONE)  # 7
_THROTTLED = Reply(meaning=Meaning.THROTTLED, verdict=Verdict.IGNORED, error_type=ErrorType.THROTTLED)  # 8
_TAKEN = Reply(  # 9
    meaning=Meaning.TAKEN,
    verdict=Verdict.SUCCESS,
    error_type=ErrorType.TAKEN,
    settle=Settle.ANSWERED,
    ask_slots=True,
)
_SEAT_TAKEN = replace(_TAKEN, ask_slots=False)  # 9, where slots prove nothing: other seats of the slot may be free
_DATABASE = replace(_BROKEN, error_type=ErrorType.DATABASE)  # 10
_LIMIT = replace(_SEAT_TAKEN, meaning=Meaning.LIMIT, error_type=ErrorType.LIMIT)  # 11
_CREDENTIALS = Reply(  # 12
    meaning=Meaning.CREDENTIALS, verdict=Verdict.IGNORED, error_type=ErrorType.CREDENTIALS
)
_CONFIGURATION = replace(_CREDENTIALS, meaning=Meaning.CONFIGURATION, error_type=ErrorType.CONFIGURATION)  # 13
_REFUSED = replace(_SEAT_TAKEN, meaning=Meaning.REFUSED, error_type=ErrorType.REFUSED)  # 14
_ANYTHING_ELSE = replace(_BROKEN, error_type=ErrorType.HTTP_OTHER)  # 15

_NOTHING_SENT = {  # by our own decision, where row 4 is the network's
    ErrorType.LEASE_LOST: replace(_NOT_SENT, verdict=Verdict.IGNORED, outage=False),
    ErrorType.CREDENTIALS: _CREDENTIALS,  # no key is set
}
_SERVER_ERRORS = {
    500: _BROKEN,
    502: replace(_PROXY, error_type=ErrorType.HTTP_502),
    503: replace(_PROXY, error_type=ErrorType.HTTP_503),
    504: replace(_UNANSWERED, error_type=ErrorType.HTTP_504),
    **dict.fromkeys(range(520, 530), replace(_UNANSWERED, error_type=ErrorType.HTTP_52X)),
}
_HOST_BUSY = ("User either already has booking at this time or is not available", "One of the hosts")
_SEAT_GONE = ("already_signed_up_for_this_booking_error", "No more seats left")
_DATABASE_MASKED = "An error occurred while querying the database"
_LIMITS = ("booking_limit_reached", "duration_limit_reached")
_TOO_MANY_ACTIVE = "maximum number of active bookings has been reached"
_BAD_KEY = ("ApiAuthStrategy -", "CustomThrottlerGuard - Invalid API Key", "Invalid Access Token.")
_NO_ROUTE = re.compile(r"Cannot [A-Z]+ ")


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page of GET /v2/bookings; `remaining` bookings follow on later pages."""

    bookings: tuple[Booking, ...]
    remaining: int


def read_post(answer: Answer | NoAnswer, *, reference: str, now: datetime) -> Reply:
    """Return what `answer` to POST /v2/bookings means for the request that carries `reference` in its metadata."""
    if isinstance(answer, Answer) and answer.status == 201:
        return _read_created(answer, reference)
    return _read_failure(answer, now)


def read_list(answer: Answer | NoAnswer, *, now: datetime) -> Page | Reply:
    """Return the page in `answer` to GET /v2/bookings, or the reply that says why there is none.

    A page with an entry that cannot be read is no page: it might be our booking.
    """
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return _read_failure(answer, now)
    if answer.truncated:
        return replace(_UNREADABLE, http_status=200, message="the list was cut short")
    content = parse(answer.body)
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, list):  # an older API version nests it; a wrong server has none
        return replace(_CONFIGURATION, http_status=200, message="not a list of bookings: wrong URL or API version?")
    bookings = [booking for entry in data if (booking := read_booking(entry)) is not None]
    if len(bookings) < len(data):
        return replace(_UNREADABLE, http_status=200, message="the list holds an entry without a uid")
    pagination = content.get("pagination")
    remaining = pagination.get("remainingItems") if isinstance(pagination, dict) else None
    return Page(tuple(bookings), max(remaining, 0) if isinstance(remaining, int) else 0)


def read_failure(answer: Answer | NoAnswer, *, now: datetime) -> Reply | None:
    """Return what went wrong with a call that reads; None for a whole 200."""
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return _read_failure(answer, now)
    return replace(_UNREADABLE, http_status=200, message="the answer was cut short") if answer.truncated else None


def read_slots(answer: Answer | NoAnswer) -> frozenset[datetime] | None:
    """Return the starts that `answer` to GET /v2/slots offers, in UTC; None when it does not say."""
    if isinstance(answer, NoAnswer) or answer.status != 200 or answer.truncated:
        return None
    content = parse(answer.body)
    days = content.get("data") if isinstance(content, dict) else None
    if not isinstance(days, dict) or not all(isinstance(day, list) for day in days.values()):
        return None
    slots = [slot for day in days.values() for slot in day]
    starts = {read_instant(slot.get("start")) for slot in slots if isinstance(slot, dict)}
    return frozenset(start for start in starts if start is not None)


def _read_created(answer: Answer, reference: str) -> Reply:
    content = None if answer.truncated else parse(answer.body)
    data = content.get("data") if isinstance(content, dict) else None
    entries = data if isinstance(data, list) else [data]  # recurring types answer with one entry an occurrence
    bookings = [booking for entry in entries if (booking := read_booking(entry)) is not None]
    for booking in bookings:
        if reference in booking.marks:
            return replace(_BOOKED, http_status=201, uid=booking.uid, seat_uid=booking.marks[reference])
    for booking in bookings:
        if booking.shows_metadata:
            return replace(_ANOTHERS, http_status=201, uid=booking.uid, message="this attendee already has it")
    return replace(_UNREADABLE, http_status=201, message="booked, says Cal.com, but its answer cannot be read")


def _read_failure(answer: Answer | NoAnswer, now: datetime) -> Reply:
    if isinstance(answer, NoAnswer):
        return _read_no_answer(answer)
    said = _Said.read(answer.body)
    row = _row(answer, said)
    if row is _THROTTLED:
        wait = throttled_for(answer.headers, now)
    else:
        wait = retry_after(answer.headers, now) if answer.status >= 500 else None
    message = safe(said.message) if said else ""
    if row is _CONFIGURATION and not message:
        message = f"{answer.status} is not an answer of Cal.com: wrong URL, or a proxy's no"
    if said and said.wants_other_body:
        message += ": another API version was understood"
    return replace(row, http_status=answer.status, message=message, retry_after=wait)


def _row(answer: Answer, said: "_Said | None") -> Reply:
    status = answer.status
    if status == 429:
        return _THROTTLED
    if status == 200 or 300 <= status < 400:
        return _CONFIGURATION
    if 400 <= status < 500 and not answer.truncated:
        return _CONFIGURATION if said is None else _read_refusal(status, said)
    return _SERVER_ERRORS.get(status, _ANYTHING_ELSE)


def _read_no_answer(answer: NoAnswer) -> Reply:
    kind = ErrorType(answer.error_type)
    row = _UNANSWERED if answer.sent else _NOTHING_SENT.get(kind, _NOT_SENT)
    return replace(row, error_type=kind, message=safe(answer.message))


@dataclass(frozen=True, slots=True)
class _Said:
    """Hold an error in one of Cal.com's two shapes (A, B); `ours` is false for JSON that is in neither."""

    message: str
    ours: bool
    wants_other_body: bool  # details.errors: the validator of another API version

    @classmethod
    def read(cls, body: bytes) -> "_Said | None":
        """Return what `body` says; None when it is not JSON."""
        content: Any = parse(body)
        if content is None:
            return None
        error = content.get("error") if isinstance(content, dict) else None
        if isinstance(error, dict) and isinstance(error.get("message"), str):  # A
            details = error.get("details")
            return cls(error["message"], ours=True, wants_other_body=isinstance(details, dict) and "errors" in details)
        if isinstance(content, dict) and "statusCode" in content and "message" in content:  # B
            return cls(str(content["message"]), ours=True, wants_other_body=False)
        return cls("", ours=False, wants_other_body=False)


def _read_refusal(status: int, said: _Said) -> Reply:  # noqa: PLR0911 - one return a row
    """Return the row of a 4xx by its status and message; the order is the table's, most telling first."""
    message = said.message
    if status == 405 or (status == 404 and (not said.ours or _NO_ROUTE.match(message))):
        return _CONFIGURATION
    match status if said.ours else None:
        case 400 if said.wants_other_body:
            return _CONFIGURATION
        case 400 if message.startswith(_DATABASE_MASKED):
            return _DATABASE
        case 400 if message.startswith(_HOST_BUSY):
            return _TAKEN
        case 400 if _TOO_MANY_ACTIVE in message:
            return _LIMIT
        case 401 if message in _LIMITS:
            return _LIMIT
        case 401 if message.startswith(_BAD_KEY):
            return _CREDENTIALS
        case 401 if not message.startswith("checkBookingRequiresAuthentication"):
            return _ANYTHING_ELSE
        case 403 if message.startswith("PermissionsGuard"):
            return _CONFIGURATION
        case 409:
            return _SEAT_TAKEN if message.startswith(_SEAT_GONE) else _TAKEN
        case 400 | 401 | 403 | 404 | 422:
            return _REFUSED
    return _ANYTHING_ELSE
