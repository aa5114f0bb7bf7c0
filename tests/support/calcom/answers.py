"""Raw answers of a real Cal.com in the short form in which they were written down, made whole again.

`@` at an address's end stands for @example.com, `host21` for the user 121 of that name, `ref` for our reference; a
moment of `createdAt` lacks its day. What is left out of a booking is only what no test asks for.
"""

import json
from typing import Any

from tasks.calcom.http.answer import Answer
from tasks.calcom.reply import ReplyKind
from tasks.calcom.request_body import REFERENCE

REFUSALS = frozenset(
    {
        ReplyKind.EXISTING_BOOKING,
        ReplyKind.TAKEN,
        ReplyKind.SIGNED_UP,
        ReplyKind.FULL,
        ReplyKind.BOUNDS,
        ReplyKind.EVENT_TYPE_LIMIT,
        ReplyKind.ATTENDEE_LIMIT,
        ReplyKind.REFUSED,
    }
)

DAY = "2026-11-25"
DATE = "Wed, 25 Nov 2026 15:48:41 GMT"
Refusal = tuple[int, str, str]  # status, shape or code, message
TAKEN_USER = (400, "BadRequestException", "User either already has booking at this time or is not available")
TAKEN_HOSTS = (
    400,
    "BadRequestException",
    "One of the hosts either already has booking at this time or is not available",
)
_BOUNDS = (
    "The event type can't be booked at the \"start\" time provided. This could be because it's too soon (violating the "
    "minimum booking notice) or too far in the future (outside the event's scheduling window). Try fetching available "
    'slots first using the GET /v2/slots endpoint and then make a booking with "start" time equal to one of the '
    "available slots."
)
BOUNDS = (400, "BadRequestException", _BOUNDS)
MAX = (
    400,
    "BadRequestException",
    "Attendee with this email can't book because the maximum number of active bookings has been reached.",
)
LIMIT = (401, "B", "booking_limit_reached")
SIGNED_UP = (409, "B", "already_signed_up_for_this_booking_error")
FULL = (409, "ConflictException", "No more seats left at this seated booking.")
DB = (400, "B", "An error occurred while querying the database.")
ISE = (500, "B", "Internal server error")
NO_UID = (404, "NotFoundException", "Booking with uid=aaaaaaaaaaaaaaaaaaaaaa was not found in the database")
NO_SEAT = (404, "NotFoundException", "Booking with seatUid=11111111~ was not found in the database")
NO_TYPE = (404, "NotFoundException", "Event type with id 2001 not found")
NO_SUCH_TYPES = (400, "TRPCError", "The requested event-types do not exist.")
NO_ROUTE = (404, "NotFoundException", "Cannot GET /v2/event-types/2015")


def max_uid(uid: str) -> Refusal:
    """Return the refusal that names a booking."""
    return (*MAX[:2], f"{MAX[2]} You can reschedule your existing booking ({uid}) to a new timeslot instead.")


def refused(refusal: Refusal) -> Answer:
    """Return an answer in Cal.com's shape B, or A."""
    status, code, message = refusal
    if code == "B":
        return whole(status, {"statusCode": status, "message": message})
    details = {"message": message, "error": "Bad Request", "statusCode": status}
    error = {"code": code, "message": message, "details": details}
    return whole(
        status, {"status": "error", "timestamp": f"{DAY}T15:48:41.000Z", "path": "/v2/bookings", "error": error}
    )


def shown(short: str, *, status: int = 200, **pagination: int) -> Answer:
    """Return the answer that shows `short`: a booking, or a list of them."""
    content = {"status": "success", "data": _whole(json.loads(short))}
    return whole(status, content | ({"pagination": pagination} if pagination else {}))


def created(short: str) -> Answer:
    """Return a 201."""
    return shown(short, status=201)


def whole(status: int, content: Any) -> Answer:
    """Return an answer with all that Cal.com's have."""
    headers = {"date": DATE, "content-type": "application/json; charset=utf-8"}
    return Answer(status, headers, json.dumps(content).encode(), 0.1)


def _whole(short: Any, name: str = "") -> Any:
    match short:
        case dict():
            return {REFERENCE if key == "ref" else key: _whole(value, key) for key, value in short.items()}
        case list():
            return [_whole(one, name) for one in short]
        case str() if short.endswith("@"):
            return f"{short}example.com"
        case str() if name == "hosts":
            return {"id": 100 + int(short.removeprefix("host")), "username": short, "email": f"{short}@example.com"}
        case str() if name == "createdAt" and "T" not in short:
            return f"{DAY}T{short}"
    return short
