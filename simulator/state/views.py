"""Write a booking the way API v2 shows it, key by key as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.instants import stamp
from simulator.state.users import User

if TYPE_CHECKING:
    from simulator.state.bookings import Attendee, Booking
    from simulator.state.event_types import EventType

ADDRESS = "1 Fake Street"


def title(event_type: EventType, organizer: str, attendee: str) -> str:
    """Give the title; a collective one names the team."""
    who = "Fake Team" if event_type.collective else User(organizer).name
    return f"{event_type.slug} between {who} and {attendee}"


def public(booking: Booking) -> dict[str, Any]:
    """Show a booking under version 2024-08-13. A seated one hides its metadata in its attendees."""
    seated = booking.event_type.seated
    organizer = booking.hosts[0]
    first = booking.attendees[0].name if booking.attendees else ""
    view: dict[str, Any] = {
        "id": booking.id,
        "uid": booking.uid,
        "title": title(booking.event_type, organizer, first),
        "description": None if seated else "",
        "hosts": [_host(organizer)],
        "status": booking.status,
        "cancellationReason": booking.cancellation_reason,
    }
    if not seated:
        view["cancelledByEmail"] = ""
    if booking.rescheduling_reason is not None:
        view["reschedulingReason"] = booking.rescheduling_reason
    view["rescheduledByEmail"] = None
    if booking.rescheduled_from:
        view["rescheduledFromUid"] = booking.rescheduled_from
    if booking.rescheduled_to:
        view["rescheduledToUid"] = booking.rescheduled_to
    view |= {
        "start": stamp(booking.start),
        "end": stamp(booking.end),
        "duration": int((booking.end - booking.start).total_seconds() // 60),
        "eventTypeId": None if booking.type_deleted else booking.event_type.id,
        "eventType": None if booking.type_deleted else {"id": booking.event_type.id, "slug": booking.event_type.slug},
        "meetingUrl": ADDRESS,
        "location": ADDRESS,
        "absentHost": False,
        "createdAt": stamp(booking.created),
        "updatedAt": stamp(booking.updated),
    }
    if not seated:
        view["metadata"] = booking.metadata
    view |= {
        "rating": None,
        "icsUid": f"{booking.rescheduled_from or booking.uid}@Cal.diy",
        "attendees": [_attendee(attendee, seated=seated) for attendee in booking.attendees],
    }
    if not seated:
        if booking.guests:
            view["guests"] = booking.guests
        view["bookingFieldsResponses"] = booking.responses
    if booking.recurring_uid:
        view["recurringBookingUid"] = booking.recurring_uid
    return view


def old(view: dict[str, Any]) -> dict[str, Any]:
    """Show a booking under version 2024-04-15, which a missing or unknown version header means.

    Only the part that the recordings show; enough for a caller to see that it is the wrong shape.
    """
    host, kind = view["hosts"][0], view["eventType"]
    first = (view["attendees"] or [{"name": "", "email": ""}])[0]
    return {
        "id": view["id"],
        "title": view["title"],
        "userPrimaryEmail": host["email"],
        "description": view["description"],
        "customInputs": {},
        "startTime": view["start"],
        "createdAt": view["createdAt"],
        "updatedAt": view["updatedAt"],
        "endTime": view["end"],
        "metadata": view.get("metadata", {}),
        "uid": view["uid"],
        "responses": {"name": first["name"], "email": first["email"]},
        "location": view["location"],
        "status": view["status"].upper(),
        "paid": False,
        "eventType": kind and {**kind, "title": kind["slug"], "length": view["duration"]},
        "references": [],
        "payment": [],
        "user": {"id": host["id"], "name": host["name"], "email": host["email"], "username": host["username"]},
        "attendees": [
            {"id": view["id"], "email": guest["email"], "name": guest["name"], "timeZone": guest["timeZone"]}
            for guest in view["attendees"]
        ],
    }


def _host(host: str) -> dict[str, Any]:
    user = User(host)
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "displayEmail": user.email,
        "username": host,
        "timeZone": "UTC",
    }


def _attendee(attendee: Attendee, *, seated: bool) -> dict[str, Any]:
    view: dict[str, Any] = {
        "name": attendee.name,
        "email": attendee.email,
        "displayEmail": attendee.email,
        "timeZone": attendee.time_zone,
        "language": attendee.language,
        "absent": False,
    }
    if attendee.phone is not None:
        view["phoneNumber"] = attendee.phone
    if seated and attendee.seat_uid is None:
        view |= {"bookingFieldsResponses": {"name": "unknown"}, "metadata": {}}  # half made (seen)
    elif seated:
        view |= {
            "seatUid": attendee.seat_uid,
            "bookingFieldsResponses": attendee.responses,
            "metadata": attendee.metadata or {},
        }
    return view
