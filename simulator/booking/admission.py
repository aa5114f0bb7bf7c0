"""Check a request against its event type, before any booking is read: the type, its login, its hosts, its fields.

The order of the checks is the real server's: an answer depends on it. What follows is in limits.py and booking.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.booking.validation import is_email, is_phone
from simulator.http import shapes
from simulator.http.messages import Refusal
from simulator.instants import parse
from simulator.state.sight import user_of

if TYPE_CHECKING:
    from simulator.state.event_types import EventType
    from simulator.state.world import World


@dataclass(frozen=True)
class Wish:
    """A request that may be booked if a calendar has room."""

    event_type: EventType
    start: datetime
    end: datetime
    name: str
    email: str
    time_zone: str
    language: str
    phone: str | None
    guests: tuple[str, ...]
    metadata: dict[str, str]
    answers: dict[str, Any]
    recurrences: int


def admit(world: World, body: dict[str, Any], *, key: str | None) -> Wish:
    """Turn a valid body into a wish. Raises Refusal."""
    event_type = find_event_type(world, body)
    if event_type.needs_login and key is None:
        raise Refusal(
            401,
            "checkBookingRequiresAuthentication - request must be authenticated by passing credentials belonging to "
            "event type owner, host or team or org admin or owner.",
        )
    if event_type.of_team and not event_type.everybody:
        raise Refusal(
            422,
            "Can't book this team event type because it has no hosts. Please, add at least 1 host to event type with "
            f"id={event_type.id} belonging to team with id=201 and try again.",
        )
    length = _length(event_type, body.get("lengthInMinutes"))
    _check_location(event_type, body.get("location"))
    _check_required_fields(event_type, body.get("bookingFieldsResponses") or {})
    metadata = _strings_only(body.get("metadata") or {})
    email, phone = _contact(event_type, body["attendee"])
    start = parse(body["start"])
    assert start is not None  # noqa: S101 - check_body has refused anything else
    _check_address(world, email, key)
    if event_type.host_locked or not world.free_to_host(event_type).everybody:
        raise Refusal(404, "eventTypeUser.notFound", shape="B")
    if event_type.verifies_email:
        raise Refusal(400, "email_verification_required", shape="B")
    return Wish(
        event_type=event_type,
        start=start,
        end=start + timedelta(minutes=length),
        name=body["attendee"]["name"],
        email=email,
        time_zone=body["attendee"]["timeZone"],
        language=body["attendee"].get("language") or "en",
        phone=phone,
        guests=tuple(body.get("guests") or ()),
        metadata=metadata,
        answers=body.get("bookingFieldsResponses") or {},
        recurrences=min(body.get("recurrenceCount") or event_type.recurrences, event_type.recurrences),
    )


def find_event_type(world: World, body: dict[str, Any]) -> EventType:
    """Find the event type by id, or by slug and owner. Raises Refusal (404 A)."""
    if (number := body.get("eventTypeId")) is not None:
        found = world.catalogue.get(number)
        if found is None:
            raise Refusal(404, f"Event type with id {number} not found.")
        return found
    slug, owner, team = body["eventTypeSlug"], body.get("username") or "", body.get("teamSlug") or ""
    if not world.catalogue.owner_exists(owner or team):
        raise Refusal(404, f"User with username {owner} not found" if owner else f"Team with slug {team} not found")
    found = world.catalogue.by_slug(slug, owner or team)
    if found is None:
        raise Refusal(404, f"Event type with slug {slug} not found.")
    return found


def _length(event_type: EventType, wanted: int | None) -> int:
    if wanted is None:
        return event_type.length
    if not event_type.lengths:
        raise Refusal(
            400,
            "Can't specify 'lengthInMinutes' because event type does not have multiple possible lengths. Please, "
            "remove the 'lengthInMinutes' field from the request.",
        )
    if wanted not in event_type.lengths:
        possible = ", ".join(str(length) for length in event_type.lengths)
        raise Refusal(
            400,
            "Provided 'lengthInMinutes' is not one of the possible lengths for the event type. The possible lengths "
            f"are: {possible}",
        )
    return wanted


def _check_location(event_type: EventType, location: Any) -> None:
    if isinstance(location, dict) and location["type"] not in event_type.locations:
        raise Refusal(
            400,
            f"Booking location with type {location['type']} not valid for event type with id={event_type.id}. The "
            f"event type has following location types: {', '.join(event_type.locations)}, and only these types are "
            "allowed for booking location.",
        )


def _check_required_fields(event_type: EventType, answers: dict[str, Any]) -> None:
    for name in event_type.required_fields:
        if not answers.get(name):
            raise Refusal(
                400,
                f"Missing required booking field response: {name} - it is required by the event type booking fields, "
                "but missing in the bookingFieldsResponses. You can fetch the event type with ID "
                f"{event_type.id} to see the required fields.",
            )


def _strings_only(metadata: dict[str, Any]) -> dict[str, str]:
    """Refuse numbers and booleans; the last one comes first in the message (seen)."""
    wrong = [
        f"metadata.{key} - Expected string, received {'boolean' if isinstance(value, bool) else 'number'}, "
        for key, value in metadata.items()
        if not isinstance(value, str)
    ]
    if wrong:
        raise shapes.unsaid("".join(reversed(wrong)))
    return metadata


def _contact(event_type: EventType, attendee: dict[str, Any]) -> tuple[str, str | None]:
    """Give the address and the number to store. A phone-only attendee gets an address made of digits (seen)."""
    email, phone = attendee.get("email") or "", attendee.get("phoneNumber") or None
    wrong = []
    if not attendee["name"]:
        wrong.append("{name}error_required_field")
    if email and not is_email(email):
        wrong.append("{email}email_validation_error")
    if not email and event_type.email_required:
        wrong.append("{email}error_required_field")
    if event_type.phone_required and not phone:
        wrong.append("{attendeePhoneNumber}error_required_field")
    elif event_type.phone_required and not is_phone(phone or ""):
        wrong.append("{attendeePhoneNumber}invalid_number")
    if wrong:
        raise shapes.unsaid("".join(f"responses - {field}, " for field in wrong))
    digits = "".join(letter for letter in phone or "" if letter.isdigit())
    return email or f"{digits}@sms.cal.com", phone


def _check_address(world: World, email: str, key: str | None) -> None:
    """Refuse the address of a user of Cal.com who wants nobody else to book with it (seen)."""
    if email not in world.settings.guarded_emails or (key is not None and user_of(world, key).email == email):
        return
    raise Refusal(
        403,
        f"Attendee email has been blocked. Make sure to login as {email} to use this email for creating a booking.",
        shape="B",
    )
