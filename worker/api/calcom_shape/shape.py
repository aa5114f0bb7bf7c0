"""A booking as Cal.com's API v2 shows it: what we know of it, and nothing that is guessed.

The uid is our reference. Nothing of a person is read out: attendees stand only in the answer to who has just named
them. Title, hosts and place are Cal.com's own, and empty here; `end` and `duration` are left out where neither the
request nor a reading of the event type says how long it is.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from booking_client.request.model import BookingRequest
from db.appointments.views import BookingView
from db.lifecycle import Status
from tasks.changes.ask.by_caller import ChangeOfCaller

_ENDED: Mapping[Status, str] = MappingProxyType(
    {
        Status.CANCELLED: "cancelled",
        Status.REJECTED: "rejected",
        Status.FAILED: "rejected",
        Status.EXPIRED: "rejected",
    }
)
NOT_BOOKED = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})


def booking(view: BookingView, minutes: int | None, asked: BookingRequest | None = None) -> dict[str, Any]:
    """Return a booking; `minutes` is its length if that is known, `asked` the request whose answer this is."""
    told: dict[str, Any] = {
        "id": UUID(view.reference).int >> 75,  # JavaScript's 53 bits; it names nothing, and Cal.com's clients want one
        "uid": view.reference,
        "title": "",
        "description": "",
        "hosts": [],
        "status": _status(view),
        "start": stamp(view.start),
        "absentHost": False,
        "location": "",
        "createdAt": stamp(view.requested_at or view.start),
        "updatedAt": None,
        "attendees": [] if asked is None else [_attendee(asked)],
        "bookingFieldsResponses": {} if asked is None else dict(asked.booking_fields_responses),
    }
    if view.event_type_id is not None:
        told |= {"eventTypeId": view.event_type_id, "eventType": {"id": view.event_type_id, "slug": ""}}
    if minutes is not None:
        told |= {"end": stamp(view.start + timedelta(minutes=minutes)), "duration": minutes}
    if asked is not None:
        told |= {"guests": list(asked.guests), "metadata": dict(asked.metadata)}
    return told


def headers(view: BookingView, change: ChangeOfCaller | None = None) -> dict[str, str]:
    """Return how it really stands, in our words: held is told apart from what a host has to confirm."""
    told = {"X-Booking-Status": str(view.status)}
    if view.hold_reason is not None:
        told["X-Booking-Hold-Reason"] = str(view.hold_reason)
    if change is not None:
        told["X-Booking-Change"] = str(change.status)
    return told


def slots(starts: list[datetime]) -> dict[str, list[dict[str, str]]]:
    """Return free starts by their day; each has the offset of its zone."""
    days: dict[str, list[dict[str, str]]] = {}
    for start in starts:
        told = start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        days.setdefault(start.date().isoformat(), []).append({"start": told})
    return days


def stamp(at: datetime) -> str:
    """Return a time as Cal.com writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _status(view: BookingView) -> str:
    if view.status is Status.CONFIRMED and not view.awaits_host:
        return "accepted"
    return _ENDED.get(view.status, "pending")


def _attendee(asked: BookingRequest) -> dict[str, Any]:
    person = asked.attendee
    digits = "".join(filter(str.isdigit, person.phone_number or ""))
    told = {
        "name": person.name,
        "email": person.email or f"{digits}@sms.cal.com",  # as Cal.com makes one of a number
        "timeZone": person.time_zone,
        "absent": False,
        "language": person.language,
        "phoneNumber": person.phone_number,
    }
    return {name: value for name, value in told.items() if value is not None}
