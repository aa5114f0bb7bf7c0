"""Serve what a caller may ask about event types and itself: GET /v2/event-types, GET /v2/me, and the deletion of one.

Version 2024-06-14, member by member as recorded; a booking's version does not know these paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.http.messages import Answer, Call, Refusal, success
from simulator.state.event_types import Kind
from simulator.state.sight import may_read_event_type, user_of, view_of
from simulator.state.users import ALL, User

if TYPE_CHECKING:
    from simulator.state.event_types import EventType
    from simulator.state.world import World

VERSION = "2024-06-14"
OLDER = (None, "2024-04-15", "2024-06-11")  # answer in another shape
TEAM_ID = 201
NO_LOGIN = (
    "PermissionsGuard - no authentication provided. Provide either authorization bearer token containing managed user "
    "access token or oAuth client id in 'x-cal-client-id' header."
)
DISABLED = {"disabled": True}


async def me(world: World, call: Call) -> Answer:
    """Serve GET /v2/me: whose the key is. Raises Refusal."""
    await world.work(call)
    user = user_of(world, key_of(call))
    names = {"id": user.id, "email": user.email, "name": user.name, "username": user.username}
    return success(200, {**names, "timeZone": "UTC", "organizationId": None})


async def one(world: World, call: Call, number: str) -> Answer:
    """Serve GET /v2/event-types/{id}; to a key that may not read it, it does not exist (seen). Raises Refusal."""
    key = key_of(call)
    await world.work(call)
    event_type = _find(world, key, number)
    if call.request.headers.get("cal-api-version") == VERSION:
        return success(200, public(world, key, event_type))
    return success(200, {"eventType": _old(event_type)})


async def several(world: World, call: Call) -> Answer:
    """Serve GET /v2/event-types: a user's personal type by its slug, without any right; no `teamSlug` (seen)."""
    await world.work(call)
    query = call.request.query
    username = query.get("username") or user_of(world, key_of(call)).username
    found = [
        event_type
        for event_type in world.catalogue
        if not event_type.of_team
        and username in event_type.hosts
        and query.get("eventSlug", event_type.slug) == event_type.slug
    ]
    return success(200, [public(world, call.key, event_type) for event_type in found])


async def delete(world: World, call: Call, number: str) -> Answer:
    """Serve DELETE /v2/event-types/{id}. Its bookings stay and forget their type (seen). Raises Refusal."""
    event_type = _find(world, key_of(call), number)
    await world.work(call)
    world.delete_event_type(event_type.id)
    names = {"id": event_type.id, "lengthInMinutes": event_type.length, "slug": event_type.slug}
    return success(200, {**names, "title": event_type.slug})


def public(world: World, key: str | None, event_type: EventType) -> dict[str, Any]:
    """Show an event type. A key that sees everything is shown as the owner, or as a fixed host (users.py)."""
    dreamer = user_of(world, key) if key and view_of(world, key) == ALL else None
    shown = {
        "id": event_type.id,
        "ownerId": None,
        "lengthInMinutes": event_type.length,
        **({"lengthInMinutesOptions": event_type.lengths} if event_type.lengths else {}),
        "title": event_type.slug,
        "slug": event_type.slug,
        "recurrence": _recurrence(event_type),
        "bookingFields": _fields(event_type),
        "minimumBookingNotice": event_type.notice,
        "price": event_type.price,
        "bookingWindow": _window(event_type),
        "confirmationPolicy": _confirmation(event_type),
        "requiresBookerEmailVerification": event_type.verifies_email,
        "seats": _seats(event_type),
        "bookingRequiresAuthentication": event_type.needs_login,
        "bookerActiveBookingsLimit": _active(event_type),
        "bookingLimitsCount": _limits(event_type),
        "disableCancelling": {"disabled": event_type.no_cancelling},
        "disableRescheduling": _rescheduling(event_type),
    }
    if event_type.of_team:
        return {**shown, **_team(event_type, dreamer)}
    owner = User(event_type.organizer)
    users = [{"id": owner.id, "name": owner.name, "username": owner.username}]
    return {**shown, "ownerId": (dreamer or owner).id, "users": users}


def _team(event_type: EventType, dreamer: User | None) -> dict[str, Any]:
    fixed = ([dreamer] if dreamer else []) + [User(host) for host in event_type.fixed_hosts]
    hosts = [_host(event_type, user, mandatory=True) for user in fixed]
    hosts += [_host(event_type, User(host), mandatory=False) for host in event_type.hosts]
    return {
        "schedulingType": "collective" if event_type.collective else "roundRobin",
        "teamId": TEAM_ID,
        "team": {"id": TEAM_ID},
        "assignAllTeamMembers": False,
        "hosts": hosts,
    }


def _host(event_type: EventType, user: User, *, mandatory: bool) -> dict[str, Any]:
    """Show a host; those of a collective come without `mandatory` (seen)."""
    rank = {} if event_type.collective else {"mandatory": mandatory, "priority": "medium"}
    return {**rank, "userId": user.id, "name": user.name, "username": user.username, "avatarUrl": None}


def _fields(event_type: EventType) -> list[dict[str, Any]]:
    """Show the fields that decide what a booking needs (read: booking-fields.output.ts)."""
    phone = {"type": "phone", "slug": "attendeePhoneNumber", "required": event_type.phone_required}
    return [
        {"isDefault": True, "type": "name", "slug": "name", "required": True, "hidden": False},
        {"isDefault": True, "type": "email", "slug": "email", "required": event_type.email_required, "hidden": False},
        {"isDefault": True, **phone, "hidden": not event_type.phone_required},
        *(
            {"isDefault": False, "type": "text", "slug": name, "label": name, "required": True, "hidden": False}
            for name in event_type.required_fields
        ),
    ]


def _recurrence(event_type: EventType) -> dict[str, Any] | None:
    if not event_type.recurs:
        return None
    return {"disabled": False, "interval": 1, "occurrences": event_type.recurrences, "frequency": "weekly"}


def _window(event_type: EventType) -> dict[str, Any]:
    if not event_type.window_days:
        return DISABLED
    return {"type": "calendarDays", "value": event_type.window_days, "rolling": False}


def _confirmation(event_type: EventType) -> dict[str, Any]:
    if Kind.CONFIRM in event_type.kinds:
        return {"type": "always", "blockUnconfirmedBookingsInBooker": False}
    if Kind.THRESHOLD in event_type.kinds:
        notice = {"unit": "hours", "count": event_type.threshold_hours}
        return {"type": "time", "noticeThreshold": notice, "blockUnconfirmedBookingsInBooker": False}
    return DISABLED


def _seats(event_type: EventType) -> dict[str, Any]:
    if not event_type.seated:
        return DISABLED
    shown = {"showAttendeeInfo": event_type.attendees_shown, "showAvailabilityCount": True}
    return {"disabled": False, "seatsPerTimeSlot": event_type.seats, **shown}


def _active(event_type: EventType) -> dict[str, Any]:
    if not event_type.active_bookings:
        return DISABLED
    return {"maximumActiveBookings": event_type.active_bookings, "offerReschedule": event_type.offers_reschedule}


def _limits(event_type: EventType) -> dict[str, Any]:
    limits = {"day": event_type.bookings_a_day, "week": event_type.bookings_a_week}
    return {name: limit for name, limit in limits.items() if limit} or DISABLED


def _rescheduling(event_type: EventType) -> dict[str, Any]:
    """Show whether it allows no rescheduling, and the notice (read: the recorded answers are cut before it)."""
    if event_type.no_rescheduling or not event_type.reschedule_notice:
        return {"disabled": event_type.no_rescheduling}
    return {"disabled": False, "minutesBefore": event_type.reschedule_notice}


def _old(event_type: EventType) -> dict[str, Any]:
    """Show enough of the older shape for a caller to see that it is the wrong one."""
    return {
        "id": event_type.id,
        "slug": event_type.slug,
        "length": event_type.length,
        "requiresConfirmation": Kind.CONFIRM in event_type.kinds,
    }


def _find(world: World, key: str, number: str) -> EventType:
    event_type = world.catalogue.get(int(number)) if number.isdigit() else None
    if event_type is None or not may_read_event_type(world, key, event_type):
        raise Refusal(404, f"Event type with id {number} not found")
    return event_type


def key_of(call: Call) -> str:
    """Give the key of a call that needs one. Raises Refusal."""
    if call.key is None:
        raise Refusal(403, NO_LOGIN)
    return call.key
