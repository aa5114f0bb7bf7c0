"""What the OpenAPI document says of the operations in Cal.com's shape."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from worker.api.calcom_shape import bodies
from worker.api.openapi.parts import READ, REFUSED, UID, answer, parameter, problems


class CalcomEventType(BaseModel):
    """The event type of a booking."""

    id: int
    slug: str = Field(description="Empty: Cal.com's own.")


class CalcomAttendee(BaseModel):
    """Who was named in the request that is answered."""

    name: str
    email: str
    timeZone: str  # noqa: N815 - Cal.com's name, as the next ones
    absent: bool
    language: str | None = None
    phoneNumber: str | None = None  # noqa: N815


class CalcomShapedBooking(BaseModel):
    """A booking as Cal.com's API v2 shows it (BookingOutput_2024_08_13)."""

    id: int = Field(description="It names nothing; the uid does.")
    uid: str = Field(description="Ours, the `reference` of /v1; it stays the same when the booking is moved.")
    title: str
    description: str
    hosts: list[dict[str, Any]] = Field(description="Empty.")
    status: Literal["accepted", "pending", "cancelled", "rejected"] = Field(
        description="`pending`: it is on its way, or held, or its host must confirm it; X-Booking-Status says which."
    )
    start: str
    end: str | None = Field(None, description="Missing where its length is not known.")
    duration: int | None = Field(None, description="In minutes; missing where it is not known.")
    eventTypeId: int | None = None  # noqa: N815
    eventType: CalcomEventType | None = None  # noqa: N815
    location: str
    absentHost: bool  # noqa: N815
    createdAt: str  # noqa: N815
    updatedAt: str | None  # noqa: N815
    attendees: list[CalcomAttendee] = Field(description="Only in the answer to who has named them; else empty.")
    guests: list[str] | None = None
    metadata: dict[str, str] | None = None
    bookingFieldsResponses: dict[str, Any]  # noqa: N815


class CalcomBookingAnswer(BaseModel):
    """What is answered where a booking is."""

    status: Literal["success"]
    data: CalcomShapedBooking


class CalcomSlot(BaseModel):
    """A free start."""

    start: str


class CalcomSlotsAnswer(BaseModel):
    """The free starts of each day."""

    status: Literal["success"]
    data: dict[str, list[CalcomSlot]]


class CalcomProblem(BaseModel):
    """What went wrong; `details` is the problem of /v1, or how the booking stands that was not made or changed."""

    model_config = ConfigDict(extra="forbid")

    code: str
    message: str
    details: dict[str, Any]


class CalcomError(BaseModel):
    """An error in Cal.com's shape."""

    status: Literal["error"]
    timestamp: str
    path: str
    error: CalcomProblem


_STANDS = {
    "X-Booking-Status": {"description": "How it really stands, as `status` of /v1.", "schema": {"type": "string"}},
    "X-Booking-Hold-Reason": {"description": "Why it is held.", "schema": {"type": "string"}},
    "X-Booking-Change": {"description": "How its newest cancel or move stands.", "schema": {"type": "string"}},
}
_KEY = parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~][ -~]*$"},
    "As in /v1.",
)
_WAIT = parameter(
    "wait", "query", {"type": "number", "minimum": 0, "maximum": 20}, "Seconds; 5 where something is asked for."
)
_UID = parameter("id", "path", UID, "The uid.", required=True)
_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _version(of: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^{of}$"}  # a generator of clients takes no constant for a header
    return parameter("cal-api-version", "header", schema, "The version of Cal.com's API.")


def _described(status: int, model: Any, text: str, *errors: str, **extra: Any) -> dict[str, Any]:
    told = {
        code: {"model": CalcomError, "description": described["description"], "headers": described.get("headers", {})}
        for code, described in problems("invalid", *errors, invalid=400).items()
    }
    headers = _STANDS if model is CalcomBookingAnswer else None
    return {
        "status_code": status,
        "response_model": None,
        "responses": {**told, status: answer(model, text, headers)},
        "openapi_extra": extra,
    }


_CHANGES = (*READ, "bad-key", "key-reused", "perhaps-kept", "no-such-booking", *REFUSED)
_ATTENDEE = {
    "type": "object",
    "required": ["name", "timeZone"],
    "properties": dict.fromkeys(("name", "email", "phoneNumber", "timeZone", "language"), _TEXT),
    "additionalProperties": False,
}
CALCOM_BOOK = _described(
    201,
    CalcomBookingAnswer,
    "It is stored, and stands so.",
    *(*READ, "bad-key", "key-reused", "perhaps-kept"),
    parameters=[_version(bodies.BOOKINGS), _KEY, _WAIT],
    **_object(
        ["start", "eventTypeId", "attendee"],
        start=_TIME,
        eventTypeId={"type": "integer", "minimum": 1},
        attendee=_ATTENDEE,
        lengthInMinutes={"type": "integer", "minimum": 1},
        guests={"type": "array", "items": _TEXT},
        location={"type": "object"},
        metadata={"type": "object"},
        bookingFieldsResponses={"type": "object"},
    ),
)
CALCOM_BY_UID = _described(
    200, CalcomBookingAnswer, "The booking.", "no-such-booking", parameters=[_UID, _version(bodies.BOOKINGS), _WAIT]
)
_CHANGE = [_UID, _version(bodies.BOOKINGS), _KEY, _WAIT]
CALCOM_CANCEL = _described(
    200,
    CalcomBookingAnswer,
    "The cancel is stored, and the booking stands so.",
    *_CHANGES,
    parameters=_CHANGE,
    **_object([], cancellationReason=_TEXT),
)
CALCOM_RESCHEDULE = _described(
    201,
    CalcomBookingAnswer,
    "The move is stored, and the booking stands so.",
    *_CHANGES,
    parameters=_CHANGE,
    **_object(["start"], start=_TIME, reschedulingReason=_TEXT),
)
CALCOM_SLOTS = _described(
    200,
    CalcomSlotsAnswer,
    "The free times.",
    parameters=[
        _version(bodies.SLOTS),
        parameter("eventTypeId", "query", {"type": "integer", "minimum": 1}, "The event type.", required=True),
        parameter("start", "query", _TIME, "A time with its offset, or a day.", required=True),
        parameter("end", "query", _TIME, "At most 31 days later; a day is the whole of it.", required=True),
        parameter("timeZone", "query", {"type": "string", "default": "UTC"}, "The zone of the answer (IANA)."),
        parameter("format", "query", {"const": "time"}, "Starts alone."),
    ],
)
