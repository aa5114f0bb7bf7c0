"""What a client of Cal.com sends, read to what /v1 takes: each field under its own name, and none that we cannot keep.

The fields are those of the public document of API v2 (2024-08-13, slots 2024-09-04). A value is checked where /v1
checks it. A field that Cal.com knows and this door does not is refused: a booking without it would be another one.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

from starlette.requests import Request

from booking_client.request.messages import FIELD_NAME
from db.api_keys.keys import ApiKey
from worker.api.bodies import json_object
from worker.api.changes import CancelRequest, ChangeRequest, RescheduleRequest
from worker.api.problems import ApiError
from worker.api.slots.asked import SlotsRequest

BOOKINGS, SLOTS = "2024-08-13", "2024-09-04"  # the versions of Cal.com's API that are spoken here
_NAME = re.compile(FIELD_NAME, re.ASCII)
BOOKING_NAMES = MappingProxyType(
    {
        "start": "start",
        "eventTypeId": "event_type_id",
        "lengthInMinutes": "length_in_minutes",
        "attendee": "attendee",
        "guests": "guests",
        "location": "location",
        "bookingFieldsResponses": "booking_fields_responses",
        "metadata": "metadata",
    }
)
ATTENDEE_NAMES = MappingProxyType(
    {
        "name": "name",
        "email": "email",
        "phoneNumber": "phone_number",
        "timeZone": "time_zone",
        "language": "language",
    }
)
CANCEL_NAMES = MappingProxyType({"cancellationReason": "reason"})
MOVE_NAMES = MappingProxyType({"start": "start", "reschedulingReason": "reason"})
SLOTS_NAMES = MappingProxyType({"eventTypeId": "event_type_id", "start": "from", "end": "to", "timeZone": "time_zone"})
_NAMES: Mapping[str, Mapping[str, str]] = MappingProxyType(  # by the last part of an address
    {
        "bookings": BOOKING_NAMES | {f"attendee.{name}": f"attendee.{ours}" for name, ours in ATTENDEE_NAMES.items()},
        "cancel": CANCEL_NAMES,
        "reschedule": MOVE_NAMES,
        "slots": SLOTS_NAMES,
    }
)


def calcoms_name(path: str, field: str) -> str:
    """Return how a client of Cal.com names a field of ours at an address."""
    names = _NAMES.get(path.rpartition("/")[2], {})
    return next((name for name, ours in names.items() if ours == field), field)


async def booking(request: Request) -> dict[str, Any]:
    """Return the body of POST /v2/bookings as /v1/bookings takes it.

    Raises:
        ApiError: It is of another version, or has a field that is not taken here.
    """
    require_version(request, BOOKINGS)
    given = _renamed(await json_object(request), BOOKING_NAMES)
    if isinstance(attendee := given.get("attendee"), dict):
        given["attendee"] = _renamed(attendee, ATTENDEE_NAMES, "attendee.")
    return given


async def cancel(request: Request) -> ChangeRequest:
    """Return the cancel that a body asks for; as `booking`."""
    require_version(request, BOOKINGS)
    return CancelRequest.parse(_renamed(await json_object(request), CANCEL_NAMES))


async def move(request: Request) -> ChangeRequest:
    """Return the move that a body asks for; as `booking`."""
    require_version(request, BOOKINGS)
    return RescheduleRequest.parse(_renamed(await json_object(request), MOVE_NAMES))


def slots(request: Request, key: ApiKey) -> SlotsRequest:
    """Return the question of GET /v2/slots; a day without a time is the whole of it, in UTC.

    Raises:
        ApiError: As `booking`.
    """
    require_version(request, SLOTS)
    given = dict(request.query_params)
    if given.get("format") == "time":  # as without it
        del given["format"]
    asked = _renamed(given, SLOTS_NAMES)
    days = {name: _of_day(asked[name]) for name in ("from", "to") if name in asked}
    ends = {name: at + (timedelta(days=1) if name == "to" else timedelta()) for name, at in days.items() if at}
    return SlotsRequest.of(asked | {name: at.isoformat() for name, at in ends.items()}, key)


def require_version(request: Request, version: str) -> None:
    """Raise ApiError if a client wants another version of Cal.com's API; one that says nothing takes what there is."""
    if request.headers.get("cal-api-version", version) != version:
        raise ApiError("invalid", f"cal-api-version must be {version}.")


def _renamed(given: Mapping[str, Any], names: Mapping[str, str], inside: str = "") -> dict[str, Any]:
    unknown = [name for name in given if name not in names]
    if unknown:
        known = ", ".join(inside + name for name in names)
        wrong = ", ".join(inside + name if _NAME.fullmatch(name) else "?" for name in unknown[:10])
        raise ApiError("invalid", f"{wrong} is not taken here, only {known}.")
    return {names[name]: value for name, value in given.items()}


def _of_day(text: str) -> datetime | None:
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d"), time(), UTC)  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
